"""What residents are told, once, and over which channels."""
