"""``serin lint``: what is wrong with files before they are applied, without a cluster."""
