"""How the coefficients of a function change when the function is turned or mirrored."""

import torch
from torch import Tensor, nn

from .checks import check_integers
from .wigner import real_wigner_3j


class RotationMatrices(nn.Module):
    """Matrices of orthogonal maps on the coefficients of each degree (real Wigner D matrices).

    From degree to degree by coupling with degree one, D_l = Cᵀ (D_{l-1} ⊗ D_1) C, where C is the
    normalised coupling (l - 1, 1, l): polynomials of the map's entries, without Euler angles and
    their singular directions, for reflections as well as rotations.

    Parameters
    ----------
    degree : int
        Highest degree.
    """

    def __init__(self, degree: int) -> None:
        super().__init__()
        check_integers(0, degree=degree)
        self.steps = nn.ModuleList(_Step(l) for l in range(2, degree + 1))
        self.degree = degree

    def forward(self, maps: Tensor) -> list[Tensor]:
        """Return D_0, D_1, ..., with Y_l(Q s) = D_l Y_l(s).

        Parameters
        ----------
        maps : Tensor, shape (..., 3, 3)
            Orthogonal matrices Q.

        Returns
        -------
        list of Tensor, D_l of shape (..., 2 l + 1, 2 l + 1)
            If x are the coefficients of f, D x are those of s ↦ f(Q⁻¹ s).
        """
        matrices = [torch.ones_like(maps[..., :1, :1])]
        vector = maps.roll([-1, -1], dims=[-2, -1])  # Y_1 is in the order y, z, x
        if self.degree > 0:
            matrices.append(vector)
        for step in self.steps:
            matrices.append(step(matrices[-1], vector))
        return matrices


class _Step(nn.Module):
    coupling: Tensor

    def __init__(self, l: int) -> None:
        super().__init__()
        # The sum of squares of W is one in all, so 1/(2 l + 1) in each column.
        coupling = (2 * l + 1) ** 0.5 * real_wigner_3j(l - 1, 1, l).reshape(-1, 2 * l + 1)
        self.register_buffer("coupling", torch.from_numpy(coupling), persistent=False)

    def forward(self, before: Tensor, vector: Tensor) -> Tensor:
        pairs = before[..., :, None, :, None] * vector[..., None, :, None, :]
        pairs = pairs.flatten(-4, -3).flatten(-2)
        coupling = self.coupling.to(pairs.dtype)
        return torch.matmul(coupling.mT, torch.matmul(pairs, coupling))
