"""The message bus: tasks of stages, events and states of runs, dead letters."""

from shared.runtime.bus.protocol import Bus, Delivery, Exhausted, PartDelivery, QueueDepth, StateChange, StoredState

__all__ = ["Bus", "Delivery", "Exhausted", "PartDelivery", "QueueDepth", "StateChange", "StoredState"]
