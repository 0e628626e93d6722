"""What surrounds the operator in trials: sandbox, load generator, demo, scenarios. Never part of the operator."""
