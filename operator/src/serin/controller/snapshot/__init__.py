"""Reads the state of the cluster that a pass decides on; what cannot be read is unknown, with the reason."""
