"""Readers of motion capture, all returning one type: `training.mocap.motion.BoneMotion`."""
