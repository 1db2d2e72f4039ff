"""Which way is up in the camera's frame, judged from how the person stands and where the feet meet the ground.

A direction is written as two slopes (x, z): up is (x, -1, z) in the camera's frame (x right, y down, z away), so that
every piece of evidence is a Gaussian over the same two numbers and the pieces are added by their precision.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.motion import FloatArray
from shared.skeleton import LANDMARK_INDEX
