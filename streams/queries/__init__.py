"""Interactive queries: workers answer with their partitions' histories; states are not copied."""
