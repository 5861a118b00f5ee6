"""Open-data portals to events: what they publish, and whether the data themselves answer."""
