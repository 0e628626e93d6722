"""Routes of the Gateway API: rendered, read, and checked for claims of other ModelDeployments."""
