"""Without this package nobody who paid would have anything to show for it: receipts, their documents and their end."""
