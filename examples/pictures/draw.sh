#!/bin/sh
# Draws the pictures of this folder again, in half an hour of one core:
#
#     examples/pictures/draw.sh DATA
#
# DATA is a folder with what examples 11, 12 and 17 name: their data files and the potentials
# 3bpa/3bpa.pt, acac/acac.pt and mgo/mgo.pt, which the commands in these examples train.
set -e
pictures=$(cd "$(dirname "$0")" && pwd)
examples=$(dirname "$pictures")
data=$(cd "$1" && pwd)
folder=$(mktemp -d)
cd "$folder"

gaunt-md demo --output demo
cp demo/phonons/bands.png .
python "$examples/05_melt_and_quench.py" --steps 20000
python "$examples/06_thermal_expansion.py"
python "$examples/09_diffusion.py" --steps 20000
python "$examples/10_strained_cell.py"
python "$examples/11_dihedral_scan.py" "$data/3bpa/3bpa.pt" "$data/test_300K.xyz@0" 5 13 14 17
python "$examples/12_vibrational_spectrum.py" "$data/acac/acac.pt" "$data/test_MD_300K.xyz@0" \
    --steps 8000
python "$examples/17_mgo_phonons.py" "$data/mgo/mgo.pt" "$data/MgO_222rd_unitcell.xyz" \
    "$data/MgO_222rd_nac.txt" --reference "$data/reference_dft_frequencies.txt"

mv ./*.png "$pictures"
rm -r "$folder"
