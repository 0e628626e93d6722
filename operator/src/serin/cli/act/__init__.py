"""The commands that say something: hold, release, approve, reject, advance, promote, abort, retry, freeze."""
