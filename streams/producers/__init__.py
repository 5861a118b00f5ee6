"""The outcome of each producer's records, as metrics."""
