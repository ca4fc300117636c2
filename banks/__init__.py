"""Question-bank formats: readers, writers and detection. Pure Python without AWS."""
