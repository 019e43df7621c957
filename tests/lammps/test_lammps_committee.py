"""Several potentials in one style: their mean, and how far they disagree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from lammps_runs import MEASURE, read_evaluation, refusal, run_to_end, setup
from samples import make_potential, silicon_oxide

from gaunt_md import GauntCalculator, potential_file


@pytest.fixture(scope="module")
def committee(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return three potentials that differ a little in their weights."""
    folder = tmp_path_factory.mktemp("committee")
    files = []
    for index in range(3):
        potential = make_potential("float64")
        generator = torch.Generator().manual_seed(index)
        with torch.no_grad():
            for parameter in potential.parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter += 0.03 * noise
        files.append(folder / f"{index}.pt")
        potential_file.save(potential, files[-1], reference=silicon_oxide(), description={})
    return files


def results(atoms: Atoms, files: list[Path]) -> dict[str, np.ndarray]:
    """Return what ASE says of each potential: energies, forces, stresses."""
    found: dict[str, list] = {"energies": [], "forces": [], "virials": []}
    for file in files:
        probe = atoms.copy()
        probe.calc = GauntCalculator(file)
        found["energies"].append(probe.get_potential_energies())
        found["forces"].append(probe.get_forces())
        found["virials"].append(probe.get_stress(voigt=False) * atoms.get_volume())
    return {name: np.array(values) for name, values in found.items()}


def style(files: list[Path], keywords: str = "") -> list[str]:
    first, *others = map(str, files)
    return [
        f"pair_style gaunt {first} committee {' '.join(others)} {keywords}",
        "pair_coeff * * Si O",
    ]


@pytest.mark.parametrize("ranks", [1, 3])
def test_runs_on_the_mean_and_writes_deviations(
    ranks: int, committee: list[Path], tmp_path: Path
) -> None:
    """The file has the columns of deepmd-kit's, as its documentation defines them."""
    atoms = silicon_oxide((2, 1, 1))
    expected = results(atoms, committee)
    lines = [
        *setup(tmp_path, atoms),
        *style(committee, "deviation 1 model_devi.out"),
        "fix devi all pair 1 gaunt deviation 0",
        "compute devi all pair gaunt",
        *[
            f"{line} c_devi[3]" if line.startswith("thermo_style") else line  # computes it
            for line in MEASURE
        ],
        "write_dump all custom deviation.dump id f_devi modify sort id format float %.17g",
        'print "$(c_devi[3]:%.17g)" file largest.txt screen no',
    ]
    run_to_end(tmp_path, lines, ranks=ranks)
    got = read_evaluation(tmp_path)
    np.testing.assert_allclose(got.energies, expected["energies"].mean(0), rtol=0, atol=1e-10)
    np.testing.assert_allclose(got.forces, expected["forces"].mean(0), rtol=0, atol=1e-10)

    forces = np.sqrt(expected["forces"].var(0).sum(1))
    virials = expected["virials"].std(0) / len(atoms)
    assert forces.min() > 1e-3
    header, line = (tmp_path / "model_devi.out").read_text().splitlines()
    assert header.split() == [
        *("#", "step"),
        *("max_devi_v", "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f"),
    ]
    np.testing.assert_allclose(
        [float(word) for word in line.split()],
        [
            0,
            *(virials.max(), virials.min(), np.sqrt((virials**2).mean())),
            *(forces.max(), forces.min(), forces.mean()),
        ],
        rtol=1e-9,
    )
    assert float((tmp_path / "largest.txt").read_text()) == pytest.approx(forces.max(), rel=1e-9)
    of_atoms = np.loadtxt(tmp_path / "deviation.dump", skiprows=9)[:, 1]
    np.testing.assert_allclose(of_atoms, forces, rtol=1e-9)


def test_a_run_stops_where_the_committee_disagrees(committee: list[Path], tmp_path: Path) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide()),
        *style(committee, "deviation 5 model_devi.out"),
        "fix nve all nve",
        "compute devi all pair gaunt",
        "thermo_style custom step pe c_devi[3]",
        "variable devi equal c_devi[3]",
        "fix stop all halt 5 v_devi > 1e-6 error soft",
        "run 20",
        'print "stopped at $(step)"',
    ]
    assert "stopped at 5\n" in run_to_end(tmp_path, lines, ranks=2)
    assert len((tmp_path / "model_devi.out").read_text().splitlines()) == 3  # steps 0 and 5


def test_restart_knows_the_committee(committee: list[Path], tmp_path: Path) -> None:
    start = [*setup(tmp_path, silicon_oxide()), *style(committee), *MEASURE]
    run_to_end(tmp_path, [*start, "write_restart a.restart"])
    before = read_evaluation(tmp_path)
    run_to_end(tmp_path, ["read_restart a.restart", *MEASURE], ranks=2)
    np.testing.assert_allclose(read_evaluation(tmp_path).forces, before.forces, atol=1e-10)


def test_where_deviations_go_is_not_kept_by_a_restart(
    committee: list[Path], tmp_path: Path
) -> None:
    lines = [*setup(tmp_path, silicon_oxide()), *style(committee, "deviation 1 devi.out"), "run 0"]
    run_to_end(tmp_path, [*lines, "write_restart a.restart"])
    (tmp_path / "devi.out").unlink()
    run_to_end(tmp_path, ["read_restart a.restart", "run 0"])
    assert not (tmp_path / "devi.out").exists()
    run_to_end(
        tmp_path, ["read_restart a.restart", *style(committee, "deviation 1 devi.out"), "run 0"]
    )
    assert (tmp_path / "devi.out").exists()


def test_file_of_deviations_that_cannot_be_written(committee: list[Path], tmp_path: Path) -> None:
    lines = [*setup(tmp_path, silicon_oxide()), *style(committee, "deviation 1 no/devi.out")]
    message = refusal(tmp_path, [*lines, "run 0"], ranks=2)
    assert "cannot write 'no/devi.out': No such file or directory" in message


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ("committee", "needs the files of the other potentials"),
        ("deviation 10 out", "Keyword deviation of pair style gaunt needs a committee"),
        ("committee {other} deviation often out", "needs a number of steps and a file"),
        ("committee {other} deviation 10", "needs a number of steps and a file"),
        ("committee nowhere.pt", "cannot find potential file 'nowhere.pt'"),
        ("committee {cutoff}", "in its cutoff: those of a committee must be alike"),
        ("committee {layers}", "in its number of layers: those of a committee must be alike"),
        ("committee {elements}", "in its elements: those of a committee must be alike"),
        ("committee {dtype}", "in its features: those of a committee must be alike"),
    ],
)
def test_errors(keywords: str, expected: str, committee: list[Path], tmp_path: Path) -> None:
    foreign = {
        "cutoff": make_potential("float64", cutoff=4.5),
        "layers": make_potential("float64", layers=1),
        "elements": make_potential("float64", elements=("Si", "C")),
        "dtype": make_potential("float32"),
    }
    files = {"other": committee[1]} | {name: tmp_path / f"{name}.pt" for name in foreign}
    for name, potential in foreign.items():
        if name in keywords:
            potential_file.save(potential, files[name], reference=bulk("Si"), description={})
    words = keywords.format(**files)
    lines = [*setup(tmp_path, silicon_oxide()), f"pair_style gaunt {committee[0]} {words}"]
    assert expected in refusal(tmp_path, lines, ranks=2)
