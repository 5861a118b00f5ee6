"""Interactive queries: workers answer with the histories of their partitions, without copies."""
