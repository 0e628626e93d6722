"""Commands that lead a service to Serin and back to KServe alone."""
