"""Gates of the cluster: hold until all is read, written, accepted by the gateway and large enough."""
