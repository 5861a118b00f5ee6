"""What crosses our boundary with the world, one way for each kind: text, files, requests."""
