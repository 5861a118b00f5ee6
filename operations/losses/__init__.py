"""Accepting that events of a partition are lost."""
