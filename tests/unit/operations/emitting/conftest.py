"""What tests of connections to a broker share."""

from tests.support.connections import refused_connections

__all__ = ["refused_connections"]
