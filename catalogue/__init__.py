"""What was promised: programmes, indicators, baselines, milestones; and how far they are."""
