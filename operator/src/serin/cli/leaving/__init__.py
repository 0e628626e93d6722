"""``serin leave``: a ModelDeployment goes, and what it served stays, as KServe would have made it."""
