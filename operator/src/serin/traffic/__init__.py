"""Traffic: a package per way in which KServe serves (a back end), behind one port; and the routes to what it serves."""
