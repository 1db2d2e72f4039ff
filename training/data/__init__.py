"""Pairs: the detector's output for rendered people, and their true markers."""
