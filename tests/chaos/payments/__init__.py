"""Payments while providers are hostile and every process of ours dies now and then."""
