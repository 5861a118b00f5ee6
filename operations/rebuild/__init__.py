"""The rebuild of lost states from the raw topics."""
