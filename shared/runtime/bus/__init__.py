"""The message bus: tasks of stages, events and states of runs, dead letters."""

from shared.runtime.bus.protocol import (
    Bus,
    Delivery,
    History,
    PartDelivery,
    QueueDepth,
    StateChange,
    StoredStarts,
    StoredState,
)

__all__ = ["Bus", "Delivery", "History", "PartDelivery", "QueueDepth", "StateChange", "StoredStarts", "StoredState"]
