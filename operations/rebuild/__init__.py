"""The rebuild: lost states are made again of the raw topics."""
