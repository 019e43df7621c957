"""The Gaunt tensor product potential: edge vectors in, atomic energies out; no atoms, no cell."""

from .potential import Potential

__all__ = ["Potential"]
