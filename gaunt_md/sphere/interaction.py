"""Feature interaction: the Gaunt product with the weights that give it its freedom."""

import torch
from torch import Tensor, nn

from ..errors import InputError
from .checks import check_integers
from .coefficients import with_zeros
from .linear import DegreeLinear, DegreeWeights
from .products import GauntProduct
from .variances import product_variances


class FeatureInteraction(nn.Module):
    """Gaunt product of two features with weights per degree on both inputs and on the output.

    z_{l3} = b_{l3} w3_{l3} Σ_{l1 l2} G (a_{l1} w1_{l1} x_{l1}) (a_{l2} w2_{l2} y_{l2}): in channel
    c the path (l1, l2, l3) has the weight w1_{l1,c} w2_{l2,c} w3_{l3,c} times constants ("Selfmix"
    of arXiv:2401.10216 where both inputs are the feature of one node). With ``mix_channels`` the
    weights are matrices between the channels. The constants are a_l = 1/√(2 l + 1) and
    b_l = 1/√Var_l with the balanced :func:`product_variances`: inputs of unit variance give outputs
    of unit variance at initialisation.

    Weights that factorise say less than one weight for each path, as Clebsch-Gordan products have
    it. More ``inner_channels`` give that back: a result is then the sum of products with weights
    w1 w2 w3 of many kinds, and any weights of the paths are a sum of few of them, for each channel
    the rank of the tensor w_{l1 l2 l3}.

    By the constants a_l every degree adds as much to the values that are multiplied. Without them
    the high degrees drown the others, scalars first of all, and training is slower.

    Parameters
    ----------
    degree1, degree2, degree_out : int
    channels : int
    mix_channels : bool
        One matrix between channels for each degree in place of one number for each channel.
    inner_channels : int or None
        Channels that are multiplied, between the matrices; as many as ``channels`` if not given.
    method : str
        As for :func:`gaunt_product`.

    Raises
    ------
    InputError
        If ``inner_channels`` differs from ``channels`` without ``mix_channels``, a degree is
        negative, there are no channels or the method is unknown; in the forward pass, if inputs
        have other coefficients, channels or dtypes than the module, or do not broadcast.
    """

    def __init__(
        self,
        degree1: int,
        degree2: int,
        degree_out: int,
        channels: int,
        *,
        mix_channels: bool = True,
        inner_channels: int | None = None,
        method: str = "auto",
    ) -> None:
        super().__init__()
        check_integers(0, degree1=degree1, degree2=degree2, degree_out=degree_out)
        check_integers(1, channels=channels)
        inner = channels if inner_channels is None else inner_channels
        if inner != channels and not mix_channels:
            raise InputError(
                f"inner_channels={inner} with channels={channels}: expected the same number, since "
                "without mix_channels every channel is multiplied by itself; leave one of them out"
            )
        highest = min(degree_out, degree1 + degree2)
        variances = torch.from_numpy(product_variances([degree1, degree2], highest, balanced=True))
        shapes = [
            (channels, inner, degree1, torch.rsqrt(2 * torch.arange(degree1 + 1).double() + 1)),
            (channels, inner, degree2, torch.rsqrt(2 * torch.arange(degree2 + 1).double() + 1)),
            (inner, channels, highest, variances.rsqrt()),
        ]
        self.weights1, self.weights2, self.weights_out = (
            DegreeLinear(channels_in, channels_out, degree, gains)
            if mix_channels
            else DegreeWeights(channels, degree, gains)
            for channels_in, channels_out, degree, gains in shapes
        )
        self.product = GauntProduct(degree1, degree2, highest, method)
        self.coefficients_out = (degree_out + 1) ** 2

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (..., (degree1 + 1)^2, channels) and (..., (degree2 + 1)^2, channels).

        Returns
        -------
        Tensor, shape (..., (degree_out + 1)^2, channels)
        """
        z = self.weights_out(self.product(self.weights1(x), self.weights2(y)))
        return with_zeros(z, self.coefficients_out)
