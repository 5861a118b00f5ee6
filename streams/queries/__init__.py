"""Interactive queries: workers answer with the histories of what they own, nobody copies states."""
