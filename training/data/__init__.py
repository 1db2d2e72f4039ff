"""Pairs: what the detector sees on rendered people, and where their markers truly are."""
