"""The commands that read a cluster: list, get, watch, history, explain, diff, wait. They start without the operator."""
