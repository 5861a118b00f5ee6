"""What is run beside the system: audit, dead letters, imports, client, export and more."""
