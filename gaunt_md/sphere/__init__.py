"""Mathematics on the unit sphere: harmonics, quadratures, Gaunt coefficients and products.

Conventions, everywhere in gaunt-md: real spherical harmonics, orthonormal on the sphere, without
the Condon-Shortley phase; a function of degree L is stored as its (L + 1)^2 coefficients in the
order (l, m) = (0, 0), (1, -1), (1, 0), (1, 1), (2, -2), ...
"""

from .bracket import PoissonBracket, poisson_bracket
from .coefficients import degree_of, degrees_of_coefficients
from .complete import CompleteTensorProduct
from .convolution import RotatedConvolution, ZonalConvolution
from .gaunt import bracket_constant, gaunt_coefficients, gaunt_constant
from .grid import evaluation_matrix, projection_matrix
from .harmonics import legendre_polynomials, spherical_harmonics
from .interaction import FeatureInteraction
from .irreps import (
    IrrepsTensorProduct,
    channels_first,
    channels_last,
    from_e3nn_axes,
    to_e3nn_axes,
)
from .linear import DegreeLinear, DegreeWeights
from .products import GauntProduct, ManyBodyGauntProduct, gaunt_product, many_body_product
from .quadrature import Quadrature, hemisphere, quadrature
from .rotation import RotationMatrices
from .variances import product_variances
from .wigner import real_wigner_3j, wigner_3j

__all__ = [
    "CompleteTensorProduct",
    "DegreeLinear",
    "DegreeWeights",
    "FeatureInteraction",
    "GauntProduct",
    "IrrepsTensorProduct",
    "ManyBodyGauntProduct",
    "PoissonBracket",
    "Quadrature",
    "RotatedConvolution",
    "RotationMatrices",
    "ZonalConvolution",
    "bracket_constant",
    "channels_first",
    "channels_last",
    "degree_of",
    "degrees_of_coefficients",
    "evaluation_matrix",
    "from_e3nn_axes",
    "gaunt_coefficients",
    "gaunt_constant",
    "gaunt_product",
    "hemisphere",
    "legendre_polynomials",
    "many_body_product",
    "poisson_bracket",
    "product_variances",
    "projection_matrix",
    "quadrature",
    "real_wigner_3j",
    "spherical_harmonics",
    "to_e3nn_axes",
    "wigner_3j",
]
