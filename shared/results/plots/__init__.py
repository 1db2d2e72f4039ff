"""Figures of a run for print, readable in greyscale and by the colour-blind. Each is an A4 page, as PNG and SVG.

Importing this package imports matplotlib (its object interface with the Agg canvas; no display is needed).
"""

from shared.results.plots.angles import save_angle_comparison, save_joint_angles
from shared.results.plots.cycles import save_cycles
from shared.results.plots.landmarks import save_landmarks
from shared.results.plots.markers import save_markers

__all__ = ["save_angle_comparison", "save_cycles", "save_joint_angles", "save_landmarks", "save_markers"]
