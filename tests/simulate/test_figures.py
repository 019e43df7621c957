from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from matplotlib.image import imread

from gaunt_md.simulate.dynamics import run_nve
from gaunt_md.simulate.elasticity import compute_elasticity
from gaunt_md.simulate.equation_of_state import compute_equation_of_state
from gaunt_md.simulate.figures import (
    ReferenceFrequencies,
    band_figure,
    dynamics_figure,
    elasticity_figure,
    equation_of_state_figure,
    expansion_figure,
    save,
    thermal_figure,
)
from gaunt_md.simulate.phonons import compute_phonons
from gaunt_md.simulate.thermal_expansion import compute_thermal_expansion
from gaunt_md.simulate.trajectory import Trajectory
from gaunt_md.simulate.velocities import thermalised


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
    assert imread(tmp_path / "energies.png").shape[0] > 600


def test_figures_of_elasticity_show_every_strain_and_the_curve(tmp_path: Path):
    crystal = bulk("Cu", a=3.59)
    figure = elasticity_figure(compute_elasticity(crystal, EMT()))
    stresses, young = figure.axes
    assert {line.get_label() for line in stresses.lines} >= {"xx", "yy", "zz", "yz", "xz", "xy"}
    assert [line.get_label() for line in young.lines] == ["xy", "xz", "yz"]
    equation = compute_equation_of_state(crystal, EMT(), points=7)
    figure = equation_of_state_figure(equation)
    (axes,) = figure.axes
    (markers,) = [line for line in axes.lines if line.get_label() == "computed"]
    assert len(markers.get_xdata()) == 7
    save(figure, tmp_path / "equation-of-state.png")
    assert imread(tmp_path / "equation-of-state.png").std() > 0.05


def test_figures_of_temperature_have_units():
    phonons = compute_phonons(bulk("Cu", a=3.59), EMT(), supercell_width=5.0)
    figure = thermal_figure(phonons.thermal_properties([0.0, 300.0, 600.0]))
    assert "kJ/mol" in figure.axes[0].get_ylabel()
    assert figure.axes[1].get_xlabel() == "Temperature (K)"
    expansion = compute_thermal_expansion(
        bulk("Cu", a=3.59), EMT(), supercell_width=5.0, points=5, highest_temperature=300.0
    )
    labels = [axes.get_ylabel() for axes in expansion_figure(expansion).axes]
    assert [label.split("\n")[0] for label in labels] == [
        "Volumetric expansion",
        "Volume (Å$^3$ per",
        "Bulk modulus",
    ]


def test_density_of_states_stands_beside_the_bands():
    phonons = compute_phonons(bulk("Cu", a=3.59), EMT(), supercell_width=5.0)
    bands, density = band_figure(phonons, "EMT", density=True).axes
    assert bands.get_ylim() == density.get_ylim()
    assert density.get_xlabel() == "States/THz"
