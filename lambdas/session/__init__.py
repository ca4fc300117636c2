"""The function of sessions."""
