"""The function of the bank."""
