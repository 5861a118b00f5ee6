"""Event contracts, topics and producers."""
