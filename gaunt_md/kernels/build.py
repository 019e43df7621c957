"""Compile the kernels for this environment, once.

The library is kept in the cache of `gaunt_md.compile_cache` under a name made of everything it
depends on. It holds the loops for several instruction sets and picks one when it is loaded, so
that all nodes of a cluster can share it. Flags in $CXXFLAGS are added to ours, and $CXX may have
arguments, as in "ccache g++".
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ..compile_cache import (
    cache_folder,
    compiler,
    describe_compiler,
    digest,
    locked,
    no_compiler,
)
from ..errors import BuildError

SOURCES = Path(__file__).with_name("csrc")

# No -ffast-math: results that are not numbers must be seen.
_KERNEL_FLAGS = ("-std=c++17", "-ffp-contract=fast", "-fno-math-errno", "-Wno-psabi")

# Without OpenMP at::parallel_for is a plain loop. The runtime is the one that torch has loaded;
# Apple's compiler has none.
_THREADS = () if sys.platform == "darwin" else ("-fopenmp",)


def instruction_sets() -> dict[str, list[str]]:
    """Return the compiler's flags for each instruction set that the kernels are made for."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return {"baseline": ["-O3"]}
    return {
        "baseline": ["-O2"],  # old processors only: compiled in half the time
        "avx2": ["-O3", "-mavx2", "-mfma"],
        "avx512": ["-O3", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"],
    }


def ensure_built() -> Path:
    """Return the library, building it if that was never tried; processes wait for one another.

    Raises
    ------
    BuildError
        If there is no compiler, it fails, or there is no cache to write to.
    """
    library = _library()
    if library.is_file():
        return library
    try:
        with locked(library, "another process that compiles the kernels"):
            if not library.is_file():
                _build(library)
    except OSError as error:
        raise BuildError(
            f"'{library.parent}' cannot be written to ({error.strerror}); set GAUNT_MD_CACHE to a "
            "folder that can"
        ) from error
    return library


def _library() -> Path:
    """Return where the library lies; without a compiler, one that any compiler has built.

    The nodes of a cluster often have no compiler, where those that people log in to have one.
    """
    sources = (f"{path.name}\n{path.read_text('utf-8')}" for path in _sources())
    environment = (
        str(_torch()),
        metadata.version("torch"),
        platform.machine(),
        *_compiler()[1:],
        *_extra_flags(),
        *sources,
    )
    name = "kernels-" + digest("\n".join(environment))[:16]
    if not describe_compiler():
        for built in sorted(cache_folder().glob(f"{name}-*.so")):
            return built
    return cache_folder() / f"{name}-{digest(describe_compiler())[:8]}.so"


def _build(library: Path) -> None:
    """Compile into a temporary folder, then move the library into its place; the lock is held."""
    log = library.with_suffix(".log")
    if not describe_compiler():
        raise BuildError(no_compiler())
    if log.exists():
        raise BuildError(f"{_failure(log)}; delete it to try again")
    print(
        f"gaunt-md: compiling the kernels, once, into {library.parent}: a minute or two, more on a "
        "busy machine ...",
        file=sys.stderr,
        flush=True,
    )
    work = library.with_suffix(".building")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with ThreadPoolExecutor() as pool:
        outputs = list(pool.map(_run, _compilations(work)))
    objects = sorted(str(path) for path in work.glob("*.o"))
    if not any(outputs):
        outputs.append(_run(_link(objects, work / "kernels.so")))
    if not (work / "kernels.so").is_file():
        log.write_text("".join(outputs), "utf-8")
        shutil.rmtree(work)
        raise BuildError(_failure(log))
    (work / "kernels.so").replace(library)
    shutil.rmtree(work)


def _failure(log: Path) -> str:
    """Return a sentence about a compilation that failed, with the first error of its output."""
    errors = [line for line in log.read_text("utf-8").splitlines() if "error:" in line]
    said = f" ({errors[0].strip()})" if errors else ""
    return f"they could not be compiled{said}, see {log}"


def _compilations(work: Path) -> Iterator[list[str]]:
    common = [*_compiler(), "-c", "-fPIC", "-fvisibility=hidden"]
    for name, flags in instruction_sets().items():
        source = [str(SOURCES / "kernels.cpp"), "-o", str(work / f"{name}.o")]
        target = [*flags, f"-DGAUNT_INSTRUCTION_SET={name}"]
        yield [*common, *_KERNEL_FLAGS, *target, *_extra_flags(), *source]
    dispatch = [str(SOURCES / "dispatch.cpp"), "-o", str(work / "dispatch.o")]
    yield [*common, "-std=c++17", "-O2", *_extra_flags(), *dispatch]
    include = _torch() / "include"
    headers = ["-isystem", str(include), "-isystem", str(include / "torch/csrc/api/include")]
    operators = [str(SOURCES / "operators.cpp"), "-o", str(work / "operators.o")]
    yield [*common, "-std=c++20", "-O1", *_THREADS, *headers, *_extra_flags(), *operators]


def _link(objects: list[str], library: Path) -> list[str]:
    folder = str(_torch() / "lib")
    torch = [f"-L{folder}", f"-Wl,-rpath,{folder}", "-ltorch_cpu", "-lc10"]
    options = ["-shared", *_THREADS, *_extra_flags()]
    return [*_compiler(), *options, *objects, *torch, "-o", str(library)]


def _compiler() -> list[str]:
    return [compiler(), *_words_of("CXX")[1:]]


def _extra_flags() -> list[str]:
    return _words_of("CXXFLAGS")


def _words_of(variable: str) -> list[str]:
    text = os.environ.get(variable, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BuildError(f"{variable} is `{text}`: {error}") from None


def _run(command: list[str]) -> str:
    """Return the output of a command if it failed, nothing otherwise."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{' '.join(command)}\n{done.stdout}{done.stderr}\n" if done.returncode else ""


def _torch() -> Path:
    found = find_spec("torch")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def _sources() -> list[Path]:
    return sorted([*SOURCES.glob("*.cpp"), *SOURCES.glob("*.h"), Path(__file__)])
