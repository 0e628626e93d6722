"""What users rely on, played on real parts: each scenario is a story with an ending that can be wrong."""
