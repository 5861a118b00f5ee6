"""Events to figures: the Faust worker and the assessor.

A batch of records passes through these modules, in this order:

- `batch_transport`, `app`: the records of a poll in batches by partition, and the Faust app
- `engine`: one batch, from its records to acknowledged dead letters (`dead_letters`) and new states
- `reading`: decode and validate each record, or refuse it
- `merging`: merge the records into a copy of the states; `merge_records` decides which count
- `state`, `state_store`: entity states, and the position in the log up to which they are merged
- `contribution`, `fold`: from states to figures, by differences
- `exposition`: /metrics

On a rebalance `BatchConsumer.on_partitions_revoked` commits and forgets offsets,
`on_partitions_assigned` drops the states of partitions that moved to another worker, and
`perform_seek` reads the others from the positions of their states; `membership` decides which
partitions are shown, and when the worker is ready again. The assessor judges histories
(`histories`).
"""
