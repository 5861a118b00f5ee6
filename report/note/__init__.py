"""The monthly note: a month's figures as a document to print, for the delegate."""
