"""Checks of an operator's settings and of the servers around, each with its remedy."""
