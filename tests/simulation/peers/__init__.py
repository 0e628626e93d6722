"""Decision rules of the peers, re-implemented from their documentation and source as described in docs/benchmarks.md.

Each rule sees the same windows as Serin and answers with the second at which it rolls back, or None.
"""
