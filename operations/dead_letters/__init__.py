"""The commands on dead letters: list, show, replay and discard refused records."""
