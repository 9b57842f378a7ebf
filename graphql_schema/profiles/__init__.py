"""Address book and preferences, as the phone sees them."""
