"""What happened: event contracts, topics and producers."""
