"""Signing in, phone, proof of identity and sessions, as the phone sees them."""
