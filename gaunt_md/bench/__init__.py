"""Benchmarks: commands of the package, so that everybody can run them on their own machine."""
