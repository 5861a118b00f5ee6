"""Import of files that people keep: valid lines are sent once, others refused by line."""
