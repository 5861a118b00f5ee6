"""What the operators of Prometheus and the sidecar of Grafana take up on a Kubernetes cluster."""
