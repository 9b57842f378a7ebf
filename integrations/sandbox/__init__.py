"""Without this package the adapters could only talk to the real providers: it plays their side of the wire."""
