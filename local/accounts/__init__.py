"""Stands in for Cognito: accounts and access tokens."""
