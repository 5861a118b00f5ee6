"""Access to Kafka: settings, clients, security, access rights, topics, reading and writing."""
