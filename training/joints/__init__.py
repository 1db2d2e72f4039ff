"""The joint refiner: its network, what it learns from, the loop, and how good it is."""
