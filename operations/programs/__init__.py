"""Programs beside this one: where they are found, how they are started, heard and ended."""
