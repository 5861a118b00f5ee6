"""Harvest of open-data portals: what they publish, and whether the data are available."""
