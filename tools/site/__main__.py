"""``python -m tools.site FOLDER``: checks what the pages name, and writes what the generator of the site reads."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.site.check import findings
from tools.site.stage import stage


def main(arguments: list[str]) -> int:
    """The exit code: 1 if a page names something that is not there, or is in no section."""
    root, target = Path(), Path(arguments[0])
    wrong = findings(root)
    if not wrong:
        try:
            stage(root, target)
        except LookupError as error:
            wrong = [str(error.args[0])]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
