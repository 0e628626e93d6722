"""What generates files of this repository from the operator's code. Never part of the operator."""
