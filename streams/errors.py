"""The root of the errors that an operator of the worker or the demo can mend."""

__all__ = ["StreamsError"]


class StreamsError(Exception):
    """Raised where the message says what is wrong and what to do; never a programmer's error."""
