"""What fires and what is summed: Prometheus' rules, Alertmanager's routes, the runbooks' index."""
