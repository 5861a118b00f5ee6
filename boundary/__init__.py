"""Input and output, with one way for each kind: text, files, requests."""
