"""Deploys, verifies and takes down a stage."""
