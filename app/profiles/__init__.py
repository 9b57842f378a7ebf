"""What makes the portal fit a resident: their addresses and how they like to be shown and told things."""
