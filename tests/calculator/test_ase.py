"""The calculator keeps ASE's conventions, and changes nothing around it."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ase.calculators.calculator as ase_calculator
import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.mixing import SumCalculator
from samples import silicon_oxide

from gaunt_md import GauntCalculator, potential_file
from gaunt_md.errors import GauntError, InputError, PotentialFileError

PROPERTIES = ["energy", "free_energy", "energies", "forces", "stress", "stresses"]


@pytest.fixture
def calculator(potential_file_float64: Path) -> GauntCalculator:
    return GauntCalculator(potential_file_float64)


@pytest.fixture
def atoms(calculator: GauntCalculator) -> Atoms:
    atoms = silicon_oxide()
    atoms.calc = calculator
    return atoms


class TestResults:
    def test_ase_accepts_them(self, atoms: Atoms, calculator: GauntCalculator) -> None:
        atoms.get_potential_energy()
        exported = calculator.export_properties()
        assert set(exported) == {*PROPERTIES, "natoms"}
        assert type(exported["energy"]) is type(exported["free_energy"]) is float
        for name, shape in [
            ("energies", (8,)),
            ("forces", (8, 3)),
            ("stress", (6,)),
            ("stresses", (8, 6)),
        ]:
            assert exported[name].shape == shape
            assert exported[name].dtype == np.float64
            assert type(exported[name]) is np.ndarray

    def test_one_pass_gives_all(self, atoms: Atoms, calculator: GauntCalculator) -> None:
        atoms.get_forces()
        for name in PROPERTIES:
            assert not calculator.calculation_required(atoms, [name])

    def test_free_energy_is_energy(self, atoms: Atoms) -> None:
        energy = atoms.get_potential_energy()
        assert atoms.get_potential_energy(force_consistent=True) == energy

    def test_results_belong_to_the_caller(self, atoms: Atoms) -> None:
        forces = atoms.get_forces()
        kept = forces.copy()
        forces += 1.0
        atoms.rattle(0.1)
        assert (atoms.get_forces() != kept).any()
        np.testing.assert_array_equal(forces, kept + 1.0)

    @pytest.mark.parametrize("name", [*PROPERTIES, "dipole", "magmoms"])
    def test_promises_are_kept(self, atoms: Atoms, name: str) -> None:
        if name in GauntCalculator.implemented_properties:
            assert atoms.calc.get_property(name, atoms) is not None
        else:
            with pytest.raises(PropertyNotImplementedError):
                atoms.calc.get_property(name, atoms)

    def test_promises_are_its_own(self) -> None:
        lists = [base.__dict__.get("implemented_properties") for base in GauntCalculator.__mro__]
        assert lists[0] == PROPERTIES
        assert all(other is not lists[0] for other in lists[1:])

    def test_charges_do_not_cause_a_calculation(
        self, atoms: Atoms, calculator: GauntCalculator
    ) -> None:
        atoms.get_forces()
        atoms.set_initial_charges(np.ones(len(atoms)))
        atoms.set_initial_magnetic_moments(np.ones(len(atoms)))
        assert not calculator.calculation_required(atoms, ["forces"])

    def test_without_volume_there_is_no_stress(self, calculator: GauntCalculator) -> None:
        for cell in (None, [5.0, 5.0, 0.0]):
            atoms = Atoms("Si2", [[0, 0, 0], [0, 0, 2.2]], cell=cell)
            atoms.calc = calculator
            assert atoms.get_forces().shape == (2, 3)
            complaint = (
                r"no volume: its cell is .*pbc \[False, False, False\]. Set three cell vectors"
            )
            for expected in (PropertyNotImplementedError, GauntError):
                with pytest.raises(expected, match=complaint):
                    atoms.get_stress()
            calculator.export_properties()

    def test_with_volume_there_is_whatever_the_periodicity(
        self, calculator: GauntCalculator
    ) -> None:
        atoms = Atoms("Si2", [[0, 0, 0], [0, 0, 2.2]], cell=[5, 5, 5])
        atoms.calc = calculator
        # Two atoms along z can only be stressed along z.
        np.testing.assert_allclose(atoms.get_stress()[[0, 1, 3, 4, 5]], 0, atol=1e-16)
        force = atoms.get_forces()[1, 2]
        assert atoms.get_stress()[2] == pytest.approx(-force * 2.2 / 125, rel=1e-12)

    def test_no_atoms(self, calculator: GauntCalculator) -> None:
        for atoms in (Atoms(), Atoms(cell=[4, 4, 4], pbc=True)):
            atoms.calc = calculator
            assert atoms.get_potential_energy() == 0.0
            assert atoms.get_forces().shape == (0, 3)
            calculator.export_properties()

    @pytest.mark.parametrize("pbc", [False, True])
    def test_one_atom(self, calculator: GauntCalculator, pbc: bool) -> None:
        atoms = Atoms("Si", cell=[20, 20, 20], pbc=pbc)
        atoms.calc = calculator
        assert np.isfinite(atoms.get_potential_energy())
        np.testing.assert_array_equal(atoms.get_forces(), 0)
        np.testing.assert_array_equal(atoms.get_stress(), 0)


class TestInAse:
    def test_sum(self, atoms: Atoms, calculator: GauntCalculator) -> None:
        twice = SumCalculator([calculator, copy.deepcopy(calculator)])
        for name in ("energy", "forces", "stress"):
            np.testing.assert_allclose(
                twice.get_property(name, atoms),
                2 * calculator.get_property(name, atoms),
                rtol=1e-14,
            )

    @pytest.mark.parametrize("suffix", ["traj", "extxyz", "json"])
    def test_round_trip_through_files(self, atoms: Atoms, tmp_path: Path, suffix: str) -> None:
        atoms.get_forces()
        path = tmp_path / f"atoms.{suffix}"
        ase.io.write(path, atoms)
        read = ase.io.read(path)
        tolerance = {"extxyz": 1e-7}.get(suffix, 1e-14)
        assert read.get_potential_energy() == pytest.approx(atoms.get_potential_energy())
        np.testing.assert_allclose(read.get_forces(), atoms.get_forces(), atol=tolerance)
        np.testing.assert_allclose(read.get_stress(), atoms.get_stress(), atol=tolerance)

    def test_name_and_parameters_can_be_stored(
        self, calculator: GauntCalculator, potential_file_float64: Path
    ) -> None:
        assert calculator.name == "gaunt"
        stored = json.loads(json.dumps(calculator.todict()))
        assert stored["potential"] == str(potential_file_float64.resolve())
        assert stored["sha256"] == potential_file.read(potential_file_float64).sha256
        assert stored["skin"] == 0.5

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
    def test_copies_do_without_the_file(
        self, potential_file_float64: Path, tmp_path: Path, copied: object
    ) -> None:
        path = tmp_path / "x.pt"
        path.write_bytes(potential_file_float64.read_bytes())
        atoms = silicon_oxide()
        atoms.calc = GauntCalculator(path, skin=0.3)
        forces = atoms.get_forces()
        path.unlink()
        twin = copied(atoms.calc)
        assert twin.todict() == atoms.calc.todict()
        other = silicon_oxide(seed=5)
        np.testing.assert_array_equal(twin.get_property("forces", silicon_oxide()), forces)
        np.testing.assert_array_equal(
            twin.get_property("forces", other), atoms.calc.get_property("forces", other)
        )

    def test_two_at_once(self, potential_file_float64: Path, potential_file_float32: Path) -> None:
        double, single = (
            GauntCalculator(path) for path in (potential_file_float64, potential_file_float32)
        )
        structures = [silicon_oxide(seed=seed) for seed in range(4)]
        expected = [[c.get_property("forces", x) for x in structures] for c in (double, single)]
        for i, atoms in enumerate(structures):  # alternating
            np.testing.assert_array_equal(double.get_property("forces", atoms), expected[0][i])
            np.testing.assert_array_equal(single.get_property("forces", atoms), expected[1][i])

        def walk(calculator: GauntCalculator) -> list[np.ndarray]:
            return [calculator.get_property("forces", x) for x in structures]

        with ThreadPoolExecutor(2) as pool:
            for found, wanted in zip(pool.map(walk, (double, single)), expected, strict=True):
                np.testing.assert_array_equal(found, wanted)

    def test_calculators_of_one_file_share_it(self, potential_file_float32: Path) -> None:
        first, second = (GauntCalculator(potential_file_float32) for _ in range(2))
        structures = [silicon_oxide(seed=seed) for seed in range(6)]
        expected = [first.get_property("forces", x) for x in structures]
        with ThreadPoolExecutor(2) as pool:
            walks = pool.map(
                lambda calculator: [calculator.get_property("forces", x) for x in structures],
                (second, copy.deepcopy(first)),
            )
            for found in walks:
                np.testing.assert_array_equal(found, expected)
        # Single and double precision do not get into each other's way.
        double = first.in_double_precision()
        exact = double.get_property("forces", structures[0])
        np.testing.assert_array_equal(first.get_property("forces", structures[0]), expected[0])
        assert 0 < np.abs(exact - expected[0]).max() < 1e-4

    def test_calculators_of_different_files_of_one_name_do_not(
        self, potential_file_float64: Path, potential_file_float32: Path, tmp_path: Path
    ) -> None:
        path, forces = tmp_path / "x.pt", []
        for file in (potential_file_float64, potential_file_float32):
            path.write_bytes(file.read_bytes())
            forces.append(GauntCalculator(path).get_property("forces", silicon_oxide()))
        assert (forces[0] != forces[1]).any()

    def test_skin_changes_nothing_along_a_walk(
        self, potential_file_float64: Path, random: np.random.Generator
    ) -> None:
        with_skin = GauntCalculator(potential_file_float64, skin=0.5)
        without = GauntCalculator(potential_file_float64, skin=0.0)
        atoms = silicon_oxide()
        for step in range(25):
            atoms.positions += random.normal(scale=0.03, size=(len(atoms), 3))
            if step % 5 == 3:
                atoms.set_cell(atoms.cell @ (np.eye(3) + 0.01 * random.normal(size=(3, 3))))
            for name in ("energies", "forces", "stress"):
                found, expected = (c.get_property(name, atoms) for c in (with_skin, without))
                scale = 1 + np.abs(expected).max()
                np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * scale)


class TestSurroundings:
    def test_global_state_of_torch_is_untouched(self, potential_file_float32: Path) -> None:
        def state() -> tuple[object, ...]:
            return (
                torch.get_default_dtype(),
                torch.get_num_threads(),
                torch.get_num_interop_threads(),
                torch.is_grad_enabled(),
                torch.is_inference_mode_enabled(),
                torch.is_autocast_enabled("cpu"),
                torch._C._get_graph_executor_optimize(),
                torch._C._jit_set_profiling_executor(torch._C._jit_set_profiling_executor(True)),
                torch.are_deterministic_algorithms_enabled(),
                torch.random.get_rng_state().sum().item(),
                dict(os.environ),
            )

        before = state()
        atoms = silicon_oxide()
        atoms.calc = GauntCalculator(potential_file_float32)
        atoms.get_stress()
        assert state() == before

    @pytest.mark.parametrize(
        "surrounding",
        [
            torch.no_grad,
            torch.inference_mode,
            lambda: torch.autocast("cpu", dtype=torch.bfloat16),
            lambda: torch.device("meta"),
        ],
    )
    def test_numbers_do_not_depend_on_what_the_caller_set(
        self, potential_file_float32: Path, surrounding: object
    ) -> None:
        expected = GauntCalculator(potential_file_float32).get_property("forces", silicon_oxide())
        with surrounding():
            calculator = GauntCalculator(potential_file_float32)
            found = calculator.get_property("forces", silicon_oxide())
        np.testing.assert_array_equal(found, expected)

    def test_numbers_do_not_depend_on_the_default_dtype(self, potential_file_float32: Path) -> None:
        expected = GauntCalculator(potential_file_float32).get_property("forces", silicon_oxide())
        try:
            torch.set_default_dtype(torch.float64)
            calculator = GauntCalculator(potential_file_float32)
            found = calculator.get_property("forces", silicon_oxide())
        finally:
            torch.set_default_dtype(torch.float32)
        np.testing.assert_array_equal(found, expected)

    def test_no_warning_reaches_the_user(self, potential_file_float32: Path) -> None:
        program = (
            "from gaunt_md import GauntCalculator; from ase import Atoms;"
            "atoms = Atoms('Si2', [[0, 0, 0], [0, 0, 2.2]]);"
            f"atoms.calc = GauntCalculator({str(potential_file_float32)!r}); atoms.get_forces()"
        )
        run = subprocess.run(
            [sys.executable, "-W", "always", "-c", program], capture_output=True, text=True
        )
        assert run.returncode == 0
        assert "gaunt_md" not in run.stderr
        assert "torch.jit" not in run.stderr

    def test_repeats_are_equal_bit_for_bit(self, atoms: Atoms) -> None:
        forces = atoms.get_forces()
        for _ in range(20):
            atoms.calc.reset()
            np.testing.assert_array_equal(atoms.get_forces(), forces)


class TestErrors:
    def test_unknown_element_is_refused_when_the_calculator_is_attached(
        self, calculator: GauntCalculator
    ) -> None:
        atoms = Atoms("GeSi")
        with pytest.raises(ase_calculator.InputError, match="no element Ge; it knows Si, O"):
            atoms.calc = calculator

    def test_unknown_element_is_refused_when_it_appears_later(self, atoms: Atoms) -> None:
        atoms.get_forces()
        atoms.symbols[3] = "Ge"
        with pytest.raises(ase_calculator.InputError, match="no element Ge"):
            atoms.get_forces()

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_position_that_is_not_finite(self, atoms: Atoms, value: float) -> None:
        good = atoms.get_forces()
        kept = atoms.positions.copy()
        atoms.positions[6, 1] = value
        for expected in (ase_calculator.InputError, InputError, GauntError, ValueError):
            with pytest.raises(expected, match=r"position of atom 6 \(Si\)"):
                atoms.get_forces()
        assert atoms.calc.results == {}
        atoms.positions = kept
        np.testing.assert_array_equal(atoms.get_forces(), good)

    def test_coincident_atoms(self, atoms: Atoms) -> None:
        atoms.positions[6] = atoms.positions[1]
        with pytest.raises(ase_calculator.InputError, match=r"atoms 1 \(Si\) and 6 \(Si\)"):
            atoms.get_potential_energy()

    def test_no_cell(self, calculator: GauntCalculator) -> None:
        atoms = Atoms("Si", pbc=True)
        atoms.calc = calculator
        with pytest.raises(ase_calculator.InputError, match="Set the cell, or pbc to False"):
            atoms.get_potential_energy()

    def test_numbers_that_are_not_finite_do_not_leave(
        self, potential_file_float64: Path, potential: torch.nn.Module, tmp_path: Path
    ) -> None:
        # A potential spoilt for one element: NaN weights in training end like this.
        broken = copy.deepcopy(potential)
        with torch.no_grad():
            broken.embedding[1] = torch.nan
        path = tmp_path / "broken.pt"
        reference = bulk("Si", cubic=True)
        potential_file.save(broken, path, reference=reference, description={})
        atoms = silicon_oxide()
        atoms.calc = GauntCalculator(path)
        for expected in (ase_calculator.CalculationFailed, GauntError):
            with pytest.raises(expected, match=r"not finite: 0 \(O\)"):
                atoms.get_potential_energy()
        assert atoms.calc.results == {}
        reference.calc = atoms.calc
        assert np.isfinite(reference.get_forces()).all()

    def test_potential_that_is_missing(self, tmp_path: Path) -> None:
        for expected in (ase_calculator.InputError, PotentialFileError):
            with pytest.raises(expected, match="there is no potential"):
                GauntCalculator(tmp_path / "missing.pt")

    def test_potential_that_is_damaged(self, potential_file_float64: Path, tmp_path: Path) -> None:
        path = tmp_path / "half.pt"
        path.write_bytes(potential_file_float64.read_bytes()[:-1000])
        with pytest.raises(ase_calculator.InputError, match=r"half\.pt' is truncated or damaged"):
            GauntCalculator(path)

    @pytest.mark.parametrize("skin", [-0.1, np.nan, np.inf])
    def test_skin_that_makes_no_sense(self, potential_file_float64: Path, skin: float) -> None:
        with pytest.raises(ase_calculator.InputError, match="skin"):
            GauntCalculator(potential_file_float64, skin=skin)
