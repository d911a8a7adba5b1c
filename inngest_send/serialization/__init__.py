"""Python values to JSON. Knows nothing of events."""
