"""Without this package a text message could say what happened, and not lead there."""
