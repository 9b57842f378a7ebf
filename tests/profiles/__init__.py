"""How residents keep addresses and say how they want to be told things."""
