"""The function that counts answers, from the stream of the Progress table."""
