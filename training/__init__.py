"""Training of the refiners: motion capture, rendered people, pairs of detections and truth, models, training loops."""
