"""The erasure of all that the monitor keeps about given pseudonyms."""
