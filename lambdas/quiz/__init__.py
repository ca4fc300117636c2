"""The function that shows the current question."""
