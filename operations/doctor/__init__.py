"""What is wrong on an operator's machine, or around it, and what to do about it."""
