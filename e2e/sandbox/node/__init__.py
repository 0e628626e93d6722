"""The sandbox's node agent: runs the cluster's pods as local processes and reports them as a kubelet does."""
