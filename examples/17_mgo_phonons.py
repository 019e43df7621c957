"""Phonons of MgO with the splitting of optical modes at Γ, beside DFT.

    gaunt-md train --train MgO_222rd.xyz --name mgo --cutoff 4.5 --channels 16 --epochs 40
    python 17_mgo_phonons.py mgo/mgo.pt MgO_222rd_unitcell.xyz BORN.yaml \\
        --reference reference_dft_frequencies.txt

The file of Born charges is YAML with born_effective_charge (one 3 × 3 matrix for each atom of the
primitive cell) and dielectric_constant, or phonopy's BORN.
"""

import argparse
import re
from pathlib import Path

import ase.io
import numpy as np
import yaml

from gaunt_md import GauntCalculator
from gaunt_md.simulate.figures import ReferenceFrequencies, band_figure, save
from gaunt_md.simulate.phonons import compute_phonons
from gaunt_md.simulate.relax import relax_crystal

parser = argparse.ArgumentParser()
parser.add_argument("potential")
parser.add_argument("cell", type=Path, help="unit cell of MgO, any format of ASE")
parser.add_argument("born", type=Path, help="Born charges and dielectric constant")
parser.add_argument("--reference", type=Path, help="lines 'MgO_222rd:', '   X: [8.5, ...] THz'")
parser.add_argument("--width", type=float, default=8.4, help="of the supercell, Å")
options = parser.parse_args()


def born_file(path: Path) -> Path:
    """Return a file in phonopy's format BORN; one in YAML is rewritten."""
    content = yaml.safe_load(path.read_text())
    if not isinstance(content, dict):
        return path
    rows = [content["dielectric_constant"], *content["born_effective_charge"]]
    lines = [" ".join(f"{x:.8f}" for x in np.ravel(row)) for row in rows]
    written = Path("BORN")
    written.write_text("\n".join([str(content["unit_conversion_factor"]), *lines]) + "\n")
    return written


def reference(path: Path) -> ReferenceFrequencies:
    """Return the DFT frequencies of MgO, which have no splitting at Γ."""
    section = path.read_text().split("MgO_222rd:")[1]
    found = {}
    for point, name in (("X", "X"), ("L", "L")):
        numbers = re.search(rf"^ *{name}: \[(.*?)\]", section, re.MULTILINE)[1]
        found[point] = tuple(sorted({float(x) for x in numbers.split(",")}))
    return ReferenceFrequencies("DFT, PBEsol", found)


calculator = GauntCalculator(options.potential, double_precision=True)
# At the volume of the DFT calculation: a potential trained at one volume knows no pressure.
crystal = relax_crystal(ase.io.read(options.cell), calculator, max_steps=0).atoms
phonons = compute_phonons(
    crystal, calculator, supercell_width=options.width, born=born_file(options.born)
)
dft = reference(options.reference) if options.reference else None
for point in ("Γ", "X", "L"):
    print(point, " ".join(f"{frequency:6.2f}" for frequency in phonons.at(point)), "THz")
if dft is not None:
    errors = [
        min(abs(frequency - found) for found in phonons.at(point))
        for point, frequencies in dft.frequencies.items()
        for frequency in frequencies
    ]
    print(f"largest difference from DFT at X and L {max(errors):.2f} THz")
save(band_figure(phonons, "gaunt-md", dft, density=True), Path("mgo-phonons.png"))
