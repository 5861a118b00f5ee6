"""Events as lines of text, sent to Kafka or to the gateway: the command `emit`."""
