"""One module per kind of thing the stacks are made of."""
