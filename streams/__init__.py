"""Events to figures: the Faust worker and the assessor.

A batch of records passes through these modules, in this order:

- `batch_transport`, `app`: a batch for each partition and poll, and the Faust app that receives it
- `engine`, `core`: decode, validate, merge; what is refused becomes a dead letter (`dead_letters`)
- `state`, `state_store`: entity states, and the position of each partition
- `contribution`, `fold`: from states to figures, by differences
- `snapshot`, `exposition`: /metrics

The log is the state. On a rebalance `BatchConsumer.on_partitions_revoked` commits and forgets
offsets, `on_partitions_assigned` drops the states of partitions that others own now, and
`perform_seek` seeks to the positions of the rest. Records below the committed offset change states
and nothing else. `membership` decides what is shown and when the worker is ready. The assessor
reads the workers' histories (`queries`) and judges them (`histories`).
"""
