"""Repulsion of the nuclei at short range, where there are no training data."""

import torch
from torch import Tensor, nn

from .elements import atomic_number, covalent_radius
from .radial import smooth_cutoff


class CoreRepulsion(nn.Module):
    """The universal screened potential of Ziegler, Biersack and Littmark (1985).

    It is switched off smoothly at the sum of the covalent radii, so that it does not act between
    bonded atoms. Constants as in LAMMPS's ``pair_style zbl``.
    """

    charges: Tensor
    radii: Tensor
    amplitudes: Tensor
    decays: Tensor

    def __init__(self, elements: list[str]) -> None:
        super().__init__()
        self.coulomb_constant = 14.399645  # e^2/4πε0 in eV Å, the value of LAMMPS's metal units
        constants = {
            "charges": [float(atomic_number(element)) for element in elements],
            "radii": [covalent_radius(element) for element in elements],
            "amplitudes": [0.02817, 0.28022, 0.50986, 0.18175],
            "decays": [0.20162, 0.40290, 0.94229, 3.19980],
        }
        for name, values in constants.items():
            tensor = torch.tensor(values, dtype=torch.float64)
            self.register_buffer(name, tensor, persistent=False)
        self.reach = 2.0 * max(constants["radii"])

    def forward(
        self, distances: Tensor, centres: Tensor, neighbours: Tensor, species: Tensor
    ) -> Tensor:
        """Return each atom's half of the energy of its pairs.

        Parameters
        ----------
        distances : Tensor, shape (edges,), float64, Å
        centres, neighbours : Tensor, shape (edges,), int64
        species : Tensor, shape (atoms,), int64

        Returns
        -------
        Tensor, shape (atoms,), float64, eV
        """
        # Few edges are that short, in most simulations none.
        close = torch.nonzero(distances.detach() < self.reach).squeeze(1)
        nothing = torch.zeros_like(species, dtype=torch.float64)
        if close.shape[0] == 0:
            return nothing
        centres = centres[close]
        pairs = self._pairs(distances[close], species[centres], species[neighbours[close]])
        return nothing.index_add(0, centres, 0.5 * pairs)

    def _pairs(self, distances: Tensor, species1: Tensor, species2: Tensor) -> Tensor:
        charge1, charge2 = self.charges[species1], self.charges[species2]
        screening_length = 0.46850 / (charge1.pow(0.23) + charge2.pow(0.23))
        reduced = (distances / screening_length).unsqueeze(-1)
        screening = (self.amplitudes * torch.exp(-self.decays * reduced)).sum(-1)
        switch = smooth_cutoff(distances / (self.radii[species1] + self.radii[species2]))
        return self.coulomb_constant * charge1 * charge2 / distances * screening * switch
