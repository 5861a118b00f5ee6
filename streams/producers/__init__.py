"""What became of what each producer sent, told so that the producer can act on it."""
