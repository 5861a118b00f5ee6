"""What operators run: dead letters, erasure, scorecards, doctor, stack, generated files."""
