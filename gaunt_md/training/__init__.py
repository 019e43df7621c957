"""Training a potential on first-principles data, with Lightning."""
