"""Routes of the Gateway API: what they must show, what they show, and to whom their hostnames belong."""
