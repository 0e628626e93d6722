"""Gates of the evidence: hold until every SLO has passed, on the intended split, for the required time."""
