"""What people are told of a decision, to whom, and until when it is kept."""
