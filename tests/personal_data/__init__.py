"""What residents may ask about their own data."""
