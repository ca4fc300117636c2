"""The cloud side: stages, stacks and constructs. Synthesis needs no account, look-up or clock."""
