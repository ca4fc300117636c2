"""The function of a learner's progress."""
