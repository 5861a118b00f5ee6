"""The erasure: nothing that the monitor keeps is about certain pseudonyms any more."""
