"""The assessor: judges the milestones from the history that all workers' states hold together."""
