"""Simulations with any ASE calculator: structures in, frozen results out.

Functions that compute write nothing; functions that write take the path.
"""
