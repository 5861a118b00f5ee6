"""The dead-letter office: refused records looked at, sent again once they are valid, or let go."""
