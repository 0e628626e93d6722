"""Traffic back ends: one package per deployment mode of KServe behind one protocol, and Gateway API routes."""
