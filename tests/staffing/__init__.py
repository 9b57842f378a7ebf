"""What each role reaches, sees and does not."""
