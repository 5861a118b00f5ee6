"""The gateway: accepts events over HTTP, and answers once the broker has them."""
