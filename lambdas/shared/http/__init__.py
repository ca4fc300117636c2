"""HTTP: requests checked, responses rendered."""
