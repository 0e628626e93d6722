"""The page that ``serin dashboard`` serves: read only, for whoever may read. It has no way to write."""
