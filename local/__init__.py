"""The laptop stage: the real handlers over a local database. Nothing in here ships to AWS."""
