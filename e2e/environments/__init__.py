"""One commit on its way from dev to production, played with the files of ``examples/environments``."""
