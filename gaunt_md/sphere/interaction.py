"""Feature interaction: the Gaunt product with the weights that give it its freedom."""

import torch
from torch import Tensor, nn

from .coefficients import degrees_of_coefficients
from .linear import DegreeLinear, DegreeWeights
from .products import GauntProduct
from .variances import product_variances


class FeatureInteraction(nn.Module):
    """Gaunt product of two features with weights per degree on both inputs and on the output.

    z_{l3} = w3_{l3} Σ_{l1 l2} G (w1_{l1} x_{l1}) (w2_{l2} y_{l2}): in channel c the path
    (l1, l2, l3) has the weight w1_{l1,c} w2_{l2,c} w3_{l3,c} ("Selfmix" of arXiv:2401.10216 where
    both inputs are the feature of one node). With ``mix_channels`` the weights are matrices between
    the channels. Inputs of unit variance give outputs of unit variance at initialisation.

    The weights of degree l on the inputs come with a constant 1/√(2 l + 1), so that every degree
    adds as much to the values that are multiplied. Without it the high degrees drown the others,
    scalars first of all, and training is slower.

    Parameters
    ----------
    degree1, degree2, degree_out : int
    channels : int
    mix_channels : bool
        One channels × channels matrix for each degree in place of one number for each channel.
    method : str
        As for :func:`gaunt_product`.
    """

    balance: Tensor
    scale: Tensor

    def __init__(
        self,
        degree1: int,
        degree2: int,
        degree_out: int,
        channels: int,
        *,
        mix_channels: bool = True,
        method: str = "auto",
    ) -> None:
        super().__init__()
        highest = min(degree_out, degree1 + degree2)
        self.weights1, self.weights2, self.weights_out = (
            DegreeLinear(channels, channels, degree)
            if mix_channels
            else DegreeWeights(channels, degree)
            for degree in (degree1, degree2, highest)
        )
        self.product = GauntProduct(degree1, degree2, highest, method)
        balance = torch.rsqrt(2 * degrees_of_coefficients(max(degree1, degree2)).double() + 1)
        self.register_buffer("balance", balance.unsqueeze(-1), persistent=False)
        variances = product_variances([degree1, degree2], highest, balanced=True)
        scale = torch.from_numpy(variances).rsqrt()[degrees_of_coefficients(highest)].unsqueeze(-1)
        self.register_buffer("scale", scale, persistent=False)
        self.missing = (degree_out + 1) ** 2 - len(scale)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (..., (degree1 + 1)^2, channels) and (..., (degree2 + 1)^2, channels).

        Returns
        -------
        Tensor, shape (..., (degree_out + 1)^2, channels)
        """
        x = self.weights1(x) * self.balance[: x.shape[-2]].to(x.dtype)
        y = self.weights2(y) * self.balance[: y.shape[-2]].to(y.dtype)
        product = self.product(x, y)
        z = self.weights_out(product * self.scale.to(product.dtype))
        return torch.nn.functional.pad(z, [0, 0, 0, self.missing])
