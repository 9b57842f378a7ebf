"""Numbers and windows."""
