"""Objects in files that people write: read, bounded, and told what is wrong with them in one line."""
