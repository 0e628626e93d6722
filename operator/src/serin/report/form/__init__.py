"""How a document is written: Markdown, or one page of HTML that needs nothing else."""

from __future__ import annotations
