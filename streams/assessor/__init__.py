"""The assessor: judges the milestones from the combined histories of all workers."""
