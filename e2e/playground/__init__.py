"""A sandbox with Serin on it, for models of one's own: ``make playground``."""
