"""How Kafka is reached: clients, security, rights, topics, reading and writing."""
