"""Simulated detections without rendering: an error model fitted to pairs, and a stream of samples."""
