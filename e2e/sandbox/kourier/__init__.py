"""Kourier before Knative, in place of net-gateway-api, where somebody asks for it: it and its Envoy run as pods."""
