"""Parsing of what this version or a neighbouring one stored in the bus."""

import json
import logging

from pydantic import ValidationError

from humanpose3d.api_models import Problem
from humanpose3d.errors import RunUnreadable
from humanpose3d.options import Contract
from shared.runtime.bus.protocol import StateChange
from shared.runtime.run_state import RunState, StageTask

log = logging.getLogger(__name__)


class DeadLetter(Contract):
    """An abandoned task, and why."""

    task: StageTask
    problem: Problem


def state_of(run_id: str, stored: bytes) -> RunState:
    """The state of a run from what is stored. Raises RunUnreadable."""
    try:
        return RunState.read(stored)
    except ValueError as error:
        log.warning("run %s cannot be read by this version: %s", run_id, brief(error))
        raise RunUnreadable(run_id, *_owner_and_date(stored)) from None


def change_of(run_id: str, stored: bytes | None, revision: int) -> StateChange:
    """A change of a run from what is stored; None or nothing where the run was erased."""
    try:
        return StateChange(run_id, state_of(run_id, stored) if stored else None, revision)
    except RunUnreadable as unreadable:
        return StateChange(run_id, None, revision, unreadable)


def _owner_and_date(stored: bytes) -> tuple[str | None, str | None]:
    """From a state of another version, as far as they can be found."""
    try:
        state = json.loads(stored)
        return str(state["request"]["owner"]), str(state["accepted_at"])
    except (ValueError, KeyError, TypeError):
        return None, None


def brief(error: ValueError) -> str:
    """Which fields were not understood, without their values."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)
        )
    return str(error)
