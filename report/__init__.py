"""What the delegate reads: the promises as web pages, each figure with what it rests on."""
