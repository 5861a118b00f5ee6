"""Files that people keep, as events: what is right is sent once, what is wrong is told by line."""
