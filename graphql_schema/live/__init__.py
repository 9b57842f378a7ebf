"""What a phone that stays connected is told as it changes."""
