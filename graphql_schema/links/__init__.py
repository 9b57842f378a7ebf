"""Ways into the app from outside it."""
