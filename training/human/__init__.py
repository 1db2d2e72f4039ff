"""People: MakeHuman's body in any shape, driven by motion capture, dressed, with true markers."""
