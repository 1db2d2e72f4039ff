"""What the detector would have seen of a person that no person drew: an error model fitted to pairs, and its stream."""
