"""Gates of the evidence: has every SLO passed, on the traffic that is meant, for long enough?"""
