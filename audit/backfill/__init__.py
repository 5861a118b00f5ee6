"""The backfill: the figures of every day of the years past, for Prometheus' own time axis."""
