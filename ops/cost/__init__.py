"""The capacity and cost model."""
