"""What Strimzi is to make on a cluster: the topics and the broker's users, as they are declared."""
