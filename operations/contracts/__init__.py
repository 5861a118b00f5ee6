"""The contracts as files, for other programs."""
