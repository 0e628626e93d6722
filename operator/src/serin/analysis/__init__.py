"""The judge of a whole policy: assessments, replay of windows, simulation, and forecasts before a rollout."""
