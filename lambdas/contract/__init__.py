"""The HTTP contract and stream delivery: facts that functions, stacks and laptop share."""
