"""The export: the figures of a day as open data, with their dictionary."""
