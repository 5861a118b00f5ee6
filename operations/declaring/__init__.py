"""A new producer: its questions, its declaration, its secret and its first event."""
