"""Jobs of gates: made once for a gate and a move, found again by their labels, read with their pods, and ended."""
