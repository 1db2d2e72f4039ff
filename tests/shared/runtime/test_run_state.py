"""Property tests of a run's state machine: whatever happens in whatever order, it ends at most once."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humanpose3d.api_models import Advance, Problem
from humanpose3d.errors import DuplicateTask, RunError, Superseded
from humanpose3d.options import RunOptions, route
from shared.runtime.run_state import Claim, RunState, StageRecord, StageTask
from tests.makers import new_state

PROBLEM = Problem(code="too-dark", status=422, detail="Record again with more light.")
HALF = Advance(done=1, total=2)
STAGES = route(new_state().request.options)


@pytest.mark.parametrize(
    "options",
    [{"joint_model_path": "joints.onnx"}, {"main_refiner_path": "both.onnx"}],
    ids=lambda options: next(iter(options)),
)
def test_a_run_whose_joints_are_refined_has_that_stage_before_the_analysis(options: dict[str, Any]):
    assert route(RunOptions(**options)) == (*STAGES[:-1], "refiner.joints", "analysis")
    assert "refiner.joints" not in STAGES
    assert route(RunOptions(depth_model_path="depth.onnx")) == STAGES
    assert route(RunOptions(main_refiner=False)) == STAGES


def record(claim: Claim) -> StageRecord:
    name = f"{claim.stage}-made"
    return StageRecord(attempt=claim.attempt, artefacts={name: f"runs/x/{name}"}, seconds=1)


def claim_next(state: RunState, worker: str = "worker") -> tuple[RunState, Claim]:
    assert state.stage is not None
    state = state.claimed(state.stage, sequence=len(state.finished) + 1, delivery=1, worker=worker)
    assert state.claim is not None
    return state, state.claim


def test_a_run_passes_through_its_stages_to_the_end():
    state = new_state()
    assert (state.status, state.progress) == ("queued", 0)
    for stage in STAGES:
        task = state.task()
        assert task is not None
        assert (task.stage, task.message_id) == (stage, f"{state.run_id}.{stage}")
        assert (task.stage, *task.rest) == STAGES[STAGES.index(stage) :]
        assert set(task.artefacts) == {"video", *(f"{done}-made" for done in state.finished)}
        state, claim = claim_next(state)
        assert state.status == "running"
        state = state.stage_finished(claim, record(claim), {"x.trc": "runs/x/results/x.trc"})
    assert (state.status, state.progress, state.task()) == ("completed", 100, None)
    assert state.results == {"x.trc": "runs/x/results/x.trc"}


def test_the_results_of_the_last_stage_alone_count():
    state, claim = claim_next(new_state())
    assert state.stage_finished(claim, record(claim), {"x": "y"}).results == {}


def test_a_later_delivery_takes_over_and_an_earlier_one_is_fenced_off():
    state, first = claim_next(new_state())
    state = state.claimed(first.stage, first.sequence, 2, "another")
    late: list[Callable[[], RunState]] = [
        lambda: state.progressed(first, HALF),
        lambda: state.stage_finished(first, record(first)),
        lambda: state.failed(PROBLEM, first),
        lambda: state.claimed(first.stage, first.sequence, 1, "worker"),
        lambda: state.claimed(first.stage, first.sequence, 2, "a third, after the server forgot its count"),
    ]
    for change in late:
        with pytest.raises(Superseded):
            change()
    assert state.claim is not None
    assert state.claim.attempt == 2


def test_another_message_of_the_same_task_is_distinguished():
    state, claim = claim_next(new_state())
    with pytest.raises(DuplicateTask):
        state.claimed(claim.stage, claim.sequence + 1, 9, "another")


def test_repeating_a_change_that_was_stored_changes_nothing():
    state, claim = claim_next(new_state())
    assert state.claimed(claim.stage, claim.sequence, claim.delivery, claim.worker) == state
    done = state.stage_finished(claim, record(claim))
    assert done.stage_finished(claim, record(claim)) == done


def test_a_requeued_run_takes_any_message():
    state, claim = claim_next(new_state())
    again = state.requeued().claimed(claim.stage, claim.sequence + 7, 1, "another")
    with pytest.raises(Superseded):
        again.progressed(claim, HALF)
    assert again.attempts == 2


FRAMES = st.builds(Advance, done=st.integers(0, 9), total=st.none() | st.integers(0, 9))
ACTIONS = st.one_of(
    st.tuples(st.just("claim"), st.integers(1, 3), st.integers(1, 3), st.sampled_from("ab")),
    st.tuples(st.just("progress"), FRAMES, st.integers(0, 9)),
    st.tuples(st.just("finish"), st.integers(0, 9)),
    st.tuples(st.just("fail"), st.none() | st.integers(0, 9)),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("requeue")),
)


def act(state: RunState, action: tuple[Any, ...], claims: list[Claim]) -> RunState:
    def claim(index: int) -> Claim:
        return claims[index % len(claims)]

    match action:
        case ("claim", sequence, delivery, worker):
            return state.claimed(state.stage or STAGES[-1], sequence, delivery, worker)
        case ("progress", frames, index) if claims:
            return state.progressed(claim(index), frames)
        case ("finish", index) if claims:
            return state.stage_finished(claim(index), record(claim(index)), {"x": "y"})
        case ("fail", index):
            return state.failed(PROBLEM, claim(index) if claims and index is not None else None)
        case ("cancel",):
            return state.cancelled()
        case ("requeue",):
            return state.requeued()
    return state


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTIONS, max_size=40))
def test_a_run_ends_at_most_once_and_only_moves_forward(actions):
    state = new_state()
    claims: list[Claim] = []
    for action in actions:
        before = state
        with contextlib.suppress(RunError):
            state = act(state, action, claims)
        if state.claim is not None and state.claim not in claims:
            claims.append(state.claim)
        if before.is_over:
            assert state == before
        assert state.progress >= before.progress
        assert before.finished.items() <= state.finished.items()
        assert tuple(state.finished) == STAGES[: len(state.finished)]
        assert (state.progress == 100) == (state.status == "completed") == (len(state.finished) == len(STAGES))
        assert (state.problem is not None) == (state.status == "failed")
        assert RunState.model_validate_json(state.model_dump_json()) == state
    attempts = [claim.attempt for claim in claims]
    assert len(set(attempts)) == len(attempts)


def test_a_task_refers_to_data_and_contains_none():
    task = new_state().task()
    assert task is not None
    assert StageTask.model_validate_json(task.model_dump_json()) == task
    assert len(task.model_dump_json()) < 2000


def test_the_running_stage_states_its_frames_and_progress_never_decreases_on_a_retry():
    state, first = claim_next(new_state())
    state = state.progressed(first, Advance(done=60, total=100))
    assert state.frames == Advance(done=60, total=100)
    progress = state.progress
    state = state.claimed(first.stage, first.sequence, 2, "another")
    assert (state.frames, state.progress) == (None, progress)
    assert state.claim is not None
    state = state.progressed(state.claim, Advance(done=10, total=100))
    assert (state.frames, state.progress) == (Advance(done=10, total=100), progress)
    assert state.claim is not None
    assert state.stage_finished(state.claim, record(state.claim)).frames is None


def test_unchanged_progress_is_not_stored():
    state, claim = claim_next(new_state())
    state = state.progressed(claim, Advance(done=5000, total=10_000))
    assert state.progressed(claim, Advance(done=5004, total=10_000)) is state
    assert state.progressed(claim, Advance(done=5010, total=10_000)) is not state


def test_a_run_is_renamed_at_any_time_and_keeps_everything_else():
    state = new_state()
    assert state.name == "walk"
    for each in (state, state.cancelled()):
        renamed = each.renamed("Before surgery")
        assert renamed.name == "Before surgery"
        assert renamed.model_copy(update={"title": None, "updated_at": each.updated_at}) == each
        assert renamed.renamed("Before surgery") is renamed
