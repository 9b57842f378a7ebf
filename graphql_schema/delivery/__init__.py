"""Parcels and their way."""
