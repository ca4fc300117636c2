"""A page of plots of how a stage's questions behave."""
