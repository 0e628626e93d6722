"""What people and tools read of a decision: message, conditions, events."""
