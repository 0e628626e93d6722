"""The documentation site: which pages, in which order, and whether everything that they name is there (ADR 33)."""
