"""The loops that everything else is made of, as operators of torch: ``torch.ops.gaunt``.

They are plain C++ (csrc/), compiled once for this environment, or, where no compiler is found,
plain torch: the same names, the same results, slower. Importing this package makes them known.
"""

from .operators import PLAIN_TORCH, load_operators

__all__ = ["PLAIN_TORCH"]

load_operators()
