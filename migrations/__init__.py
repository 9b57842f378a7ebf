"""The database's history: one line, oldest first. Modules whose name begins with `_` are not steps."""
