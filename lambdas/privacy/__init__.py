"""The function of a learner's rights over their data: export and erasure."""
