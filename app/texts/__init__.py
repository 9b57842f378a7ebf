"""What residents write in their own words, and whether others may read it."""
