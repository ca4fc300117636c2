"""The function behind the health check."""
