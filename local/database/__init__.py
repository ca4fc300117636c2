"""The database of the laptop stage and its schema."""
