"""What events add up to: the Faust worker, entity state, figures, metrics and dead letters."""
