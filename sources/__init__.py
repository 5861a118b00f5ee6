"""Ways in for other systems: client and spool, imports, harvests, the relay of databases."""
