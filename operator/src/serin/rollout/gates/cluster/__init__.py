"""Gates of the cluster: is everything known, written, accepted and large enough for a forward move?"""
