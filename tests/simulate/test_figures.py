from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from matplotlib.image import imread

from gaunt_md.simulate.dynamics import run_nve, thermalised
from gaunt_md.simulate.figures import (
    ReferenceFrequencies,
    band_figure,
    dynamics_figure,
    save,
)
from gaunt_md.simulate.phonons import compute_phonons
from gaunt_md.simulate.trajectory import Trajectory


@pytest.fixture
def run() -> Trajectory:
    return run_nve(thermalised(bulk("Cu") * 2, 600.0, 1), EMT(), timestep=2.0, steps=6)


def test_bands_carry_the_names_of_the_zone_and_every_reference_frequency():
    phonons = compute_phonons(bulk("Cu", a=3.59), EMT(), supercell_width=5.0)
    figure = band_figure(phonons, "EMT", ReferenceFrequencies("other", {"Γ": (0.0,), "X": (7.0,)}))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        *("Γ", "X", "U|K", "Γ", "L", "W", "X"),
    ]
    assert "THz" in axes.get_ylabel()
    (markers,) = [line for line in axes.lines if line.get_label() == "other"]
    assert sorted(markers.get_ydata()) == [0.0, 0.0, 7.0, 7.0]


def test_one_run_has_nothing_to_be_compared_with(run: Trajectory):
    assert len(dynamics_figure({"ASE": run}).axes) == 2
    other = run_nve(run.frames[0], EMT(asap_cutoff=True), timestep=2.0, steps=6)
    assert len(dynamics_figure({"ASE": run, "LAMMPS": other}).axes) == 3


def test_drawing_leaves_the_settings_of_matplotlib_alone(run: Trajectory, tmp_path: Path):
    before = {key: matplotlib.rcParams[key] for key in ("font.size", "xtick.direction")}
    save(dynamics_figure({"ASE": run}), tmp_path / "energies.png")
    assert {key: matplotlib.rcParams[key] for key in before} == before
    assert "matplotlib.pyplot" not in sys.modules or not matplotlib.pyplot.get_fignums()
    assert imread(tmp_path / "energies.png").shape[0] > 800
