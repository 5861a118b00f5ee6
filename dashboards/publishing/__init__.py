"""Boards on a Grafana: what would change there, and the change itself."""
