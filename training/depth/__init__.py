"""The depth refiner: network, training data, training loop and evaluation."""
