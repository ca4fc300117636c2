"""The function that takes answers."""
