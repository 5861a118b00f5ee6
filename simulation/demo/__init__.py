"""The demo: five simulated years in about a minute, from the events to figures that move."""
