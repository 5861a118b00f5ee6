"""The gateway: takes events in over HTTP, and answers once the broker has them."""
