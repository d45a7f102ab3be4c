"""What is on the desk, written to files."""
