"""The producers' door: takes events in over HTTP, and answers once the broker has them."""
