"""The outbox of a producer's database, and the relay that sends what is in it."""
