"""What a resident may ask about their own data: who looked, everything held, how long, and to be forgotten."""
