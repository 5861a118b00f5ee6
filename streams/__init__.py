"""Events to figures: the Faust worker and the assessor.

A batch of records passes through these modules, in this order:

- `batch_transport`, `app`: a batch for each partition and poll, and the Faust app that receives it
- `engine`, `core`: decode, validate, merge; what is refused becomes a dead letter (`dead_letters`)
- `state`, `state_store`, `tables`, `changelog_tally`: entity states and their changelogs
- `contribution`, `fold`: from states to figures, by differences
- `snapshot`, `exposition`: /metrics

On a rebalance `BatchConsumer.on_partitions_revoked` commits and forgets offsets,
`EntityTable.on_rebalance` drops states, and recovery restores those of the assigned partitions;
`membership` decides when the worker is ready again. The assessor reads the workers'
histories (`queries`) and judges them (`histories`). `topic_fold` computes the same without workers.
"""
