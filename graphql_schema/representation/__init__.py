"""Acting for others, as phones and windows see it."""
