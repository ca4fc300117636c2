"""The adaptive engine: rules without I/O, clock or global randomness."""
