"""Delivers the database's stream to the analytics function."""
