"""How many rollouts are under way at a time, and whose turn it is."""
