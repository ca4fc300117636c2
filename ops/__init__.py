"""Commands of whoever runs a stage: deploy it, compare it, try it, take it down."""
