"""Child programs: where they are installed, how they are started and stopped."""
