"""Without this package the machines of the halls would have no accounts."""
