"""When and where a resident comes to the hall."""
