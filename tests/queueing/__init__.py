"""Who is next in the hall."""
