"""What comes before a candidate is prepared: the start, the wait for it, and the first deployment."""
