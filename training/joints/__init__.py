"""The joint refiner: network, training data, training loop and evaluation."""
