"""The report of a decision: message, conditions, announcements."""
