"""A potential file gives the potential that was written, or a clear error."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from samples import silicon_oxide

from gaunt_md import GauntCalculator, potential_file
from gaunt_md.archive import INTEGRITY, MANIFEST, pack, unpack
from gaunt_md.data.graph import Evaluation, evaluate
from gaunt_md.data.neighbours import build_graph
from gaunt_md.errors import InputError, PotentialFileError
from gaunt_md.model import Potential


def evaluation_of(module: torch.nn.Module) -> Evaluation:
    return evaluate(module, build_graph(silicon_oxide(seed=8), module.elements, module.cutoff))


@pytest.fixture
def entries(potential_file_float64: Path) -> dict[str, bytes]:
    return unpack(potential_file_float64.read_bytes(), "random.pt")


class TestRoundTrip:
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_numbers_are_those_of_the_potential(
        self, dtype: str, request: pytest.FixtureRequest
    ) -> None:
        suffix = "" if dtype == "float64" else "_float32"
        written = evaluation_of(request.getfixturevalue(f"potential{suffix}").tabulated())
        path = request.getfixturevalue(f"potential_file_{dtype}")
        read = evaluation_of(potential_file.load(path))
        tolerance = {"float64": 1e-13, "float32": 1e-5}[dtype]
        for quantity in ("energies", "atomic_energies", "forces", "virials"):
            torch.testing.assert_close(
                getattr(read, quantity), getattr(written, quantity), rtol=tolerance, atol=tolerance
            )

    def test_splines_are_close_to_the_networks(
        self, potential: Potential, potential_file_float64: Path
    ) -> None:
        networks, splines = (
            evaluation_of(form) for form in (potential, potential_file.load(potential_file_float64))
        )
        torch.testing.assert_close(splines.energies, networks.energies, rtol=0, atol=1e-6)
        torch.testing.assert_close(splines.forces, networks.forces, rtol=0, atol=5e-5)
        stated = potential_file.read_manifest(potential_file_float64)["spline_error"]
        assert 0 < stated < 1e-6

    def test_potential_itself_is_not_changed(self, potential: Potential, tmp_path: Path) -> None:
        assert all(parameter.requires_grad for parameter in potential.parameters())
        assert potential.training

    def test_parameters_are_frozen(self, potential_file_float64: Path) -> None:
        module = potential_file.load(potential_file_float64)
        assert not any(parameter.requires_grad for parameter in module.parameters())
        assert not module.training

    def test_loads_under_inference_mode_and_is_usable_after(
        self, potential_file_float64: Path
    ) -> None:
        with torch.inference_mode():
            module = potential_file.load(potential_file_float64, check_reference=False)
        assert evaluation_of(module).forces.abs().max() > 0

    def test_sha256sum_agrees(self, potential_file_float64: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(potential_file_float64) as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path)
        top = next(tmp_path.iterdir())
        first, *lines = (top / INTEGRITY).read_text().splitlines()
        assert first == "gaunt-md potential, format 1"
        assert [line[66:] for line in lines] == sorted(line[66:] for line in lines)
        check = subprocess.run(
            ["sha256sum", "--check", "--strict", "--quiet"],
            input="".join(f"{line}\n" for line in lines),
            cwd=top,
            text=True,
        )
        assert check.returncode == 0
        files = {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
        assert files == {line[66:] for line in lines} | {INTEGRITY}

    def test_file_does_not_tell_where_it_was_written(self, entries: dict[str, bytes]) -> None:
        home = str(Path(potential_file.__file__).parents[1]).encode()
        assert not any(home in content for content in entries.values())

    def test_torch_reads_it_alone(self, potential_file_float64: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            module = torch.jit.load(potential_file_float64)
        assert (module.elements, module.cutoff, module.layers) == (["Si", "O"], 4.0, 2)


class TestManifest:
    def test_says_what_the_potential_is(
        self, potential: Potential, potential_file_float64: Path
    ) -> None:
        manifest = potential_file.read_manifest(potential_file_float64)
        assert manifest["format"] == 1
        assert manifest["name"] == "random"
        assert manifest["licence"] == "MIT"
        assert manifest["elements"] == ["Si", "O"]
        assert manifest["reference_energies"] == {"Si": -1.5, "O": -3.25}
        assert manifest["units"] == {"length": "Å", "energy": "eV"}
        assert Potential(**manifest["hyperparameters"]).hyperparameters == potential.hyperparameters
        assert np.shape(manifest["reference"]["forces"]) == (8, 3)
        assert np.shape(manifest["reference"]["virial"]) == (3, 3)

    def test_is_read_without_torch(self, potential_file_float64: Path) -> None:
        program = (
            "import sys; from gaunt_md import potential_file as p;"
            f"p.read_manifest({str(potential_file_float64)!r}); sys.exit('torch' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", program]).returncode == 0

    def test_reference_is_of_full_precision(
        self, potential: Potential, potential_file_float64: Path
    ) -> None:
        reference = potential_file.read_manifest(potential_file_float64)["reference"]
        graph = build_graph(silicon_oxide(), ["Si", "O"], 4.0)
        expected = evaluate(potential.tabulated(), graph)
        np.testing.assert_allclose(reference["forces"], expected.forces, rtol=0, atol=1e-13)
        np.testing.assert_allclose(reference["energy"], expected.energies.item(), rtol=1e-14)

    @pytest.mark.parametrize(
        ("description", "message"),
        [
            ({"license": "MIT"}, "'license'.*Did you mean 'licence'"),
            ({"cutoff": 3.0}, "'cutoff'; it may have name"),
            ({"errors": {"force": float("nan")}}, "cannot be written"),
            ({"training": {"data": Path("x")}}, "cannot be written"),
        ],
    )
    def test_descriptions_that_make_no_sense_are_refused(
        self, potential: Potential, tmp_path: Path, description: dict, message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            potential_file.save(
                potential, tmp_path / "x.pt", reference=silicon_oxide(), description=description
            )
        assert list(tmp_path.iterdir()) == []


class TestFinding:
    def test_file_goes_before_shipped_name(
        self, potential_file_float64: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        shutil.copy(potential_file_float64, "mine.pt")
        assert potential_file.find("mine.pt") == Path("mine.pt")

    def test_shipped_ones_are_found_by_name_even_beside_a_folder_of_that_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for name, path in potential_file.shipped_potentials().items():
            Path(name).mkdir()
            assert potential_file.find(name) == potential_file.find(f"{name}.pt") == path

    def test_missing_ones_are_named_with_what_there_is(self) -> None:
        with pytest.raises(PotentialFileError, match=r"no potential 'sii'.*come with gaunt-md are"):
            potential_file.find("sii")

    def test_a_folder_is_not_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(PotentialFileError, match="is not a file"):
            potential_file.find(tmp_path)


class TestDamage:
    """Whatever happens to a file, its numbers do not change silently."""

    def test_flipped_bits(self, potential_file_float64: Path, random: np.random.Generator) -> None:
        content = potential_file_float64.read_bytes()
        expected = unpack(content, "x")
        unnoticed = 0
        for position in random.integers(0, 8 * len(content), 1000):
            damaged = bytearray(content)
            damaged[position // 8] ^= 1 << (position % 8)
            try:
                # Bits that carry nothing, as dates, may flip.
                assert unpack(bytes(damaged), "x") == expected
                unnoticed += 1
            except PotentialFileError:
                pass
        assert unnoticed < 100

    def test_damage_that_is_let_through_does_not_change_a_number(
        self, potential_file_float64: Path, random: np.random.Generator, tmp_path: Path
    ) -> None:
        # The table of contents has bits that carry nothing, and torch has its own reader of it.
        content = potential_file_float64.read_bytes()
        expected = evaluation_of(potential_file.load(potential_file_float64))
        table_of_contents = zipfile.ZipFile(io.BytesIO(content)).start_dir
        path = tmp_path / "x.pt"
        loaded = 0
        for position in random.integers(table_of_contents, len(content), 300):
            damaged = bytearray(content)
            damaged[position : position + 3] = random.bytes(3)
            path.write_bytes(damaged)
            try:
                module = potential_file.load(path, check_reference=False)
            except PotentialFileError:
                continue
            loaded += 1
            found = evaluation_of(module)
            assert torch.equal(found.energies, expected.energies)
            assert torch.equal(found.forces, expected.forces)
        assert loaded > 0

    def test_truncation(self, potential_file_float64: Path, random: np.random.Generator) -> None:
        content = potential_file_float64.read_bytes()
        for length in [0, 1, 4, 22, len(content) - 1, *random.integers(5, len(content), 200)]:
            with pytest.raises(PotentialFileError, match=r"truncated or damaged|no zip archive"):
                unpack(content[:length], "x")

    def test_swapped_blocks(
        self, potential_file_float64: Path, random: np.random.Generator
    ) -> None:
        content = potential_file_float64.read_bytes()
        for _ in range(50):
            a, b = sorted(random.integers(0, len(content) - 64, 2))
            swapped = bytearray(content)
            swapped[a : a + 64], swapped[b : b + 64] = content[b : b + 64], content[a : a + 64]
            if bytes(swapped) != content:
                with pytest.raises(PotentialFileError):
                    unpack(bytes(swapped), "x")

    def test_damaged_entry_is_named(self, entries: dict[str, bytes], tmp_path: Path) -> None:
        integrity = _read(pack(entries), INTEGRITY)
        changed = {**entries, "data/0": entries["data/0"][::-1]}
        for content, name in [
            (_zip({**changed, INTEGRITY: integrity}), "data/0"),
            (_zip({**entries, INTEGRITY: integrity, "data/more": b""}), "data/more"),
            (_zip({INTEGRITY: integrity}), ".data/serialization_id, byteorder"),
            (_zip({**entries, INTEGRITY: integrity + b"\n"}), INTEGRITY),
        ]:
            with pytest.raises(PotentialFileError, match=f"damaged: {name}.*Copy or download"):
                unpack(content, "x")

    def test_numbers_that_differ_on_this_machine(
        self, entries: dict[str, bytes], tmp_path: Path
    ) -> None:
        manifest = json.loads(entries[MANIFEST])
        manifest["reference"]["forces"][2][1] += 1e-7
        path = tmp_path / "x.pt"
        path.write_bytes(pack({**entries, MANIFEST: json.dumps(manifest).encode()}))
        with pytest.raises(PotentialFileError, match="the forces of its reference structure"):
            potential_file.load(path)
        assert potential_file.load(path, check_reference=False).cutoff == 4.0

    def test_manifest_of_another_potential(self, entries: dict[str, bytes], tmp_path: Path) -> None:
        manifest = {**json.loads(entries[MANIFEST]), "elements": ["O", "Si"]}
        path = tmp_path / "x.pt"
        path.write_bytes(pack({**entries, MANIFEST: json.dumps(manifest).encode()}))
        with pytest.raises(PotentialFileError, match="contradicts itself"):
            potential_file.load(path)


class TestForeignFiles:
    @pytest.mark.parametrize("content", [b"", b"PK", b"hello", os.urandom(5000)])
    def test_no_zip(self, content: bytes, tmp_path: Path) -> None:
        _refused(tmp_path, content, "no zip archive")

    def test_another_zip(self, tmp_path: Path) -> None:
        _refused(tmp_path, _zip({"a.txt": b"hello"}), "not of gaunt-md")

    def test_another_torchscript(self, tmp_path: Path) -> None:
        _refused(tmp_path, _torchscript(torch.nn.Linear(2, 2)), "not of gaunt-md")

    def test_a_checkpoint(self, potential: Potential, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        torch.save(potential.state_dict(), buffer)
        _refused(tmp_path, buffer.getvalue(), "not of gaunt-md")

    def test_another_integrity_file(self, tmp_path: Path) -> None:
        _refused(tmp_path, _zip({INTEGRITY: b"sha256 of things"}), "not a potential file of gaunt")

    @pytest.mark.parametrize(
        ("number", "remedy"),
        [
            (b"0", "Write the file again with `gaunt-md export`"),
            (b"2", "Update it: pip install"),
            (b"17", "Update it: pip install"),
        ],
    )
    def test_other_format(
        self, entries: dict[str, bytes], tmp_path: Path, number: bytes, remedy: str
    ) -> None:
        other = _read(pack(entries), INTEGRITY).replace(b"format 1", b"format " + number, 1)
        content = _zip({"new": b"", INTEGRITY: other})
        _refused(tmp_path, content, f"has format {number.decode()}.*{remedy}")

    def test_manifest_that_is_none(self, entries: dict[str, bytes], tmp_path: Path) -> None:
        for manifest in (b"", b"[]", b"{}", b"null", b"\xff"):
            _refused(tmp_path, pack({**entries, MANIFEST: manifest}), "has no manifest")
        del entries[MANIFEST]
        _refused(tmp_path, pack(entries), "has no manifest")

    def test_our_seal_on_what_torch_cannot_load(
        self, entries: dict[str, bytes], tmp_path: Path
    ) -> None:
        path = tmp_path / "x.pt"
        path.write_bytes(pack({**entries, "data.pkl": entries["data.pkl"][:50]}))
        with pytest.raises(PotentialFileError, match=r"torch .* cannot load"):
            potential_file.load(path)

    def test_two_entries_of_one_name(self, entries: dict[str, bytes], tmp_path: Path) -> None:
        buffer = io.BytesIO(pack(entries))
        with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr("potential/data/0", entries["data/0"][::-1])
        _refused(tmp_path, buffer.getvalue(), "table of contents is wrong")

    def test_compressed_bomb(self, entries: dict[str, bytes], tmp_path: Path) -> None:
        for bomb in ({INTEGRITY: bytes(10**7)}, {INTEGRITY: _read(pack(entries), INTEGRITY)}):
            content = _zip({**bomb, "zeros": bytes(10**8)}, zipfile.ZIP_DEFLATED)
            assert len(content) < 10**6
            _refused(tmp_path, content, "table of contents is wrong")


class TestWriting:
    def test_full_disk_leaves_the_old_file(
        self, potential_file_float64: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "old.pt"
        shutil.copy(potential_file_float64, path)
        program = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from samples import make_potential, silicon_oxide
from gaunt_md import potential_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
potential_file.save(
    make_potential("float64"), {str(path)!r}, reference=silicon_oxide(), description={{}}
)
"""
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert run.returncode != 0
        assert "File too large" in run.stderr
        assert path.read_bytes() == potential_file_float64.read_bytes()
        assert list(tmp_path.iterdir()) == [path]

    def test_same_potential_same_bytes_but_for_the_date(
        self, potential: Potential, entries: dict[str, bytes], tmp_path: Path
    ) -> None:
        path = tmp_path / "again.pt"
        description = {"name": "random", "licence": "MIT"}
        potential_file.save(potential, path, reference=silicon_oxide(), description=description)
        again = unpack(path.read_bytes(), "again.pt")
        del again[MANIFEST], entries[MANIFEST]
        assert hashlib.sha256(pack(again)).digest() == hashlib.sha256(pack(entries)).digest()


def _refused(folder: Path, content: bytes, message: str) -> None:
    """Assert that a file with this content is refused with one line that names it."""
    path = folder / "x.pt"
    path.write_bytes(content)
    readers: list[Callable[[Path], object]] = [
        potential_file.read_manifest,
        potential_file.load,
        GauntCalculator,
    ]
    for reader in readers:
        with pytest.raises(PotentialFileError, match=message) as error:
            reader(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def _zip(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, content in entries.items():
            archive.writestr(f"potential/{path}", content)
    return buffer.getvalue()


def _read(content: bytes, entry: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(f"potential/{entry}")


def _torchscript(module: torch.nn.Module) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), buffer)
    return buffer.getvalue()
