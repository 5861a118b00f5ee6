"""Who may send what: the declared producers and their secrets."""
