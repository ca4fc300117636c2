"""The function that tells it runs."""
