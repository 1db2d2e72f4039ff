"""Readers of motion capture, all giving one type: `training.mocap.motion.BoneMotion`."""
