"""What became of what each producer sent, for the producer to act on."""
