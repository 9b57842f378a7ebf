"""What residents have asked for."""
