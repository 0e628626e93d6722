"""One server for all rollouts: who may use it, whose requests are joined, and in which turn each namespace asks."""
