"""What a resident has asked for (办件)."""
