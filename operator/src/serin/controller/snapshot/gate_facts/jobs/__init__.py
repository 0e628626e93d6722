"""Jobs of gates: made once for a gate and a move, found again by their labels, and read with their pods."""
