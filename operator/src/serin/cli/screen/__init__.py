"""The full screen of ``serin watch``, with textual (extra ``view``): list, rollout, evidence, timeline, hold, abort."""
