"""Members of staff: signing in, their own account, and who administers whom."""
