"""Logs, metrics and the audit record."""
