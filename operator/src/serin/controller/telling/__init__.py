"""How the process tells what it does: lines of the log, and traces of passes."""
