"""Mathematics on the unit sphere: harmonics, quadratures, Gaunt coefficients and products.

Conventions, everywhere in gaunt-md: real spherical harmonics, orthonormal on the sphere, without
the Condon-Shortley phase; a function of degree L is stored as its (L + 1)^2 coefficients in the
order (l, m) = (0, 0), (1, -1), (1, 0), (1, 1), (2, -2), ...
"""

from .gaunt import gaunt_coefficients
from .grid import evaluation_matrix, projection_matrix
from .harmonics import degrees_of_coefficients, legendre_polynomials, spherical_harmonics
from .products import gaunt_product, product_variances
from .quadrature import Quadrature, quadrature

__all__ = [
    "Quadrature",
    "degrees_of_coefficients",
    "evaluation_matrix",
    "gaunt_coefficients",
    "gaunt_product",
    "legendre_polynomials",
    "product_variances",
    "projection_matrix",
    "quadrature",
    "spherical_harmonics",
]
