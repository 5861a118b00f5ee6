"""The State's promises, taken over from its own files into the catalogue."""
