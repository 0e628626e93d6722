"""``python -m serin``: the operator process."""

from __future__ import annotations

import sys

from serin.controller.process import main

sys.exit(main())
