"""What ends the demo early?"""

from __future__ import annotations


class StoryError(Exception):
    """What happens is not what the demo tells; the message says what was expected and what was seen."""
