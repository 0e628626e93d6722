"""Proof outside the cluster: ``serin export``, ``verify``, ``attest``, and the replay of whole chains."""
