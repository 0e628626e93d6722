"""The commands ``serin bundle`` and ``serin report``: a rollout, or a week of them, for people and for programs."""
