"""Follows ModelDeployments and their records, for the views that stay open: the page and the screen of a terminal."""
