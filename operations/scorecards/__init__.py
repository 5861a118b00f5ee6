"""Scorecards: the report to each producer on the records that it sent."""
