"""``python -m e2e.environments``: plays the story of the three environments and exits 0 only if all of it is true.

KEEP=1 leaves sandbox and operator running. Exit codes: 1 reality differs from the story, 2 it could not be played, 130
interrupted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from e2e.demo.errors import StoryError
from e2e.demo.played import keeps, played
from e2e.demo.screen import PlainScreen
from e2e.demo.stage import stage
from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Person
from e2e.environments.files import ENVIRONMENTS
from e2e.environments.pipeline import Pipeline
from e2e.environments.story import play
from e2e.load.analysis import by_version

if TYPE_CHECKING:
    from rich.console import Console

RITA = Person("rita@example.com", ("risk",))


def run(console: Console) -> int:
    """Plays the story on a fresh stage, and tells what clients saw. StoryError."""
    screen = PlainScreen(console)
    with stage(screen.say, keep=keeps()) as there, ClusterApi(there.sandbox.kubeconfig, person=RITA) as rita:
        pipeline = Pipeline(there.api, there.sandbox.gateway_url, there.folder, screen.say, there.operator.last_words)
        play(pipeline, rita)
        for name in ENVIRONMENTS:
            counts = by_version(pipeline.answers(name))
            told = ", ".join(f"{count.total} by version {v} ({count.failed} failed)" for v, count in counts.items())
            screen.say(f"Answers in {name}: {told}")
        if "3" in by_version(pipeline.answers("production")):
            raise StoryError("Version 3 answered clients of production.")
    return 0


if __name__ == "__main__":
    sys.exit(played(run, __doc__, sys.argv[1:]))
