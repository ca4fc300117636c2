"""The function of profiles."""
