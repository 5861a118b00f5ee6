"""Grafana's boards as code: what the delegate, the owners, the producers and the operator see."""
