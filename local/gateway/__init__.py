"""Stands in for API Gateway, and serves the pages beside the API."""
