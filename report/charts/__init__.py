"""Charts as SVG for the page and the note: pure functions from figures to text."""
