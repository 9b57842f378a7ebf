"""Without this package a phone could neither read its messages nor say which it wants to get."""
