"""Knative Serving in the sandbox, where somebody asks for it: its controllers run as pods, as on any cluster.

Without kube-proxy and DNS there are no cluster IPs: the API server dials the webhook's pod (aggregator routing), the
activator knows the autoscaler by an alias, and nothing is scaled to zero.
"""
