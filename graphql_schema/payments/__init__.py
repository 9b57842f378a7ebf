"""Bills and ways to pay them."""
