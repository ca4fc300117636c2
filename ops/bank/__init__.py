"""Question banks of any stage: inspect, import and export."""
