"""How the markers are reconstructed: by geometry alone, or by a network where the options ask for one."""

from humanpose3d.options import RunOptions
from services.refiner.depth.geometric import Reconstruct, geometric
from services.refiner.depth.neural import INPUTS, OUTPUTS, neural
from shared.networks import Refiner, refiner


def chosen(options: RunOptions) -> Reconstruct:
    """The reconstruction that the options ask for.

    Raises ModelNotFound where a model was named that is not there, ModelError where it is there but cannot be used.
    """
    network = depth_network(options)
    return geometric if network is None else neural(network)


def depth_network(options: RunOptions) -> Refiner | None:
    """The network that the options ask for, None where they ask for none. Raises as `chosen` does."""
    return refiner(options, "depth", INPUTS, OUTPUTS)
