"""The Poisson bracket of functions on the sphere: the paths that the Gaunt product has not.

{f, g}(s) = s · (∇f × ∇g) is bilinear, commutes with rotations, has degree L1 + L2 - 1 and the
opposite behaviour under inversion of f · g: its components are the Clebsch-Gordan paths (l1, l2,
l3) with odd l1 + l2 + l3, all of them and no other,

    ∫ {Y_{l1 m1}, Y_{l2 m2}} Y_{l3 m3} ds = λ(l1, l2, l3) W(l1 m1, l2 m2, l3 m3)

with W the real Wigner 3j symbol and λ of :func:`bracket_constant`. It is antisymmetric: {f, f} = 0.

That pointwise products of scalar functions cannot give these paths: Y. Xie, A. Daigavane, M. Kotak,
T. Smidt, "The Price of Freedom: Exploring Expressivity and Runtime Tradeoffs in Equivariant Tensor
Products", ICML 2025, arXiv:2506.13523. The same authors have them by products of vector spherical
harmonics: "Asymptotically Fast Clebsch-Gordan Tensor Products with Vector Spherical Harmonics",
arXiv:2602.21466.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .checks import check_functions, check_integers
from .coefficients import degree_of
from .grid import projection_matrix
from .harmonics import spherical_harmonics
from .quadrature import Quadrature, quadrature


def poisson_bracket(f: Tensor, g: Tensor, degree_out: int) -> Tensor:
    """Return the coefficients of {f, g}(s) = s · (∇f × ∇g).

    Parameters
    ----------
    f : Tensor, shape (..., (L1 + 1)^2, channels)
    g : Tensor, shape (..., (L2 + 1)^2, channels)
        Leading dimensions and channels broadcast.
    degree_out : int
        Highest degree of the result; from L1 + L2 on its coefficients are zero.

    Returns
    -------
    Tensor, shape (..., (degree_out + 1)^2, channels)

    Raises
    ------
    InputError
        Where :func:`gaunt_product` raises it.
    """
    degrees = degree_of(f), degree_of(g)
    check_integers(0, degree_out=degree_out)
    check_functions([f, g], [(degree + 1) ** 2 for degree in degrees])
    bracket = _kept_bracket(*degrees, degree_out, f.dtype, f.device)
    result: Tensor = bracket(f, g)
    return result


class PoissonBracket(nn.Module):
    """Poisson bracket of functions of fixed degrees, as a module: :func:`poisson_bracket`.

    On a grid exact to degree L1 + L2 - 1 + ``degree_out``, with the slopes of both functions along
    two perpendicular tangents a, b (a × b = s) at each node: {f, g} = ∂a f ∂b g - ∂b f ∂a g.

    Parameters
    ----------
    degree1, degree2, degree_out : int
    """

    slope_a: Tensor
    slope_b: Tensor
    projection: Tensor

    def __init__(self, degree1: int, degree2: int, degree_out: int) -> None:
        super().__init__()
        check_integers(0, degree1=degree1, degree2=degree2, degree_out=degree_out)
        self.coefficients = [(degree1 + 1) ** 2, (degree2 + 1) ** 2]
        grid = quadrature(max(0, degree1 + degree2 - 1 + degree_out))
        slope_a, slope_b = map(torch.from_numpy, slope_matrices(max(degree1, degree2, 1), grid))
        projection = torch.from_numpy(projection_matrix(degree_out, grid))
        self.register_buffer("slope_a", slope_a, persistent=False)
        self.register_buffer("slope_b", slope_b, persistent=False)
        self.register_buffer("projection", projection, persistent=False)

    def forward(self, f: Tensor, g: Tensor) -> Tensor:
        """Map (..., (degree1 + 1)^2, channels) and the like to (..., (degree_out + 1)^2, ...)."""
        check_functions([f, g], self.coefficients)
        f_a, f_b = self._slopes(f)
        g_a, g_b = self._slopes(g)
        bracket = f_a * g_b - f_b * g_a
        return torch.matmul(self.projection.to(bracket.dtype), bracket)

    def _slopes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        count = x.shape[-2]
        return (
            torch.matmul(self.slope_a[:, :count].to(x.dtype), x),
            torch.matmul(self.slope_b[:, :count].to(x.dtype), x),
        )


def slope_matrices(
    degree: int, grid: Quadrature
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrices (nodes, (degree + 1)^2) to the slopes along two tangents at each node.

    The degree is at least one: a constant has no slope to take.
    """
    s = grid.points
    # The axis that is the least aligned with s cannot be parallel to it.
    axis = np.eye(3)[np.abs(s).argmin(axis=1)]
    a = np.cross(axis, s)
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    with torch.inference_mode(False), torch.enable_grad():
        directions = torch.from_numpy(s).requires_grad_()
        harmonics = spherical_harmonics(degree, directions)
        # Derivatives along a given vector are those of Jᵀ w, linear in w, with respect to w.
        w = torch.zeros_like(harmonics, requires_grad=True)
        (gradients,) = torch.autograd.grad(harmonics, directions, w, create_graph=True)
        slopes = [
            torch.autograd.grad(gradients, w, torch.from_numpy(tangent), retain_graph=True)[0]
            for tangent in (a, np.cross(s, a))
        ]
    return slopes[0].numpy(), slopes[1].numpy()


@torch.compiler.disable  # making the matrices is not to be traced
@lru_cache(maxsize=256)
def _kept_bracket(
    degree1: int, degree2: int, degree_out: int, dtype: torch.dtype, device: torch.device
) -> PoissonBracket:
    # Kept for callers of all kinds, as products are.
    with torch.inference_mode(False):
        return PoissonBracket(degree1, degree2, degree_out).to(device=device, dtype=dtype)
