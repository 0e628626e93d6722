"""Envoy Gateway in the sandbox, in place of Contour, where somebody asks for it: it and its Envoy run as pods."""
