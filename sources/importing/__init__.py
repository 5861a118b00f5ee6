"""Files that people keep, as events: correct lines are sent once, others refused by line."""
