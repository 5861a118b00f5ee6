"""The audit: every figure counted again from the raw topics, by another method than the worker's.

No table, no state, no fold: the records are read from the first to the last, decoded by the
contracts, put into SQLite as they are, and the catalogue's terms are evaluated on them in SQL.
"""
