"""People followed frame by frame, with a network that finds the nearest person whom no one hides."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from services.detector.people import traces as module
from services.detector.people.identity import joined
from services.detector.people.looks import sighting
from services.detector.people.sighting import LONGEST_ABSENCE_S
from services.detector.people.traces import traced
from services.detector.pose.landmark_network import Body
from services.detector.pose.roi import Region

SIZE = 300.0
HIDDEN = 60.0
"""Distance within which a person is hidden by those before them in the list."""

Walk = Callable[[float], float]


class Network:
    """Finds people at `places`, each x by time; the first are in front."""

    def __init__(self, *places: Walk) -> None:
        self._places = places
        self.calls = 0

    def shown(self, time: float) -> list[float]:
        found: list[float] = []
        for place in self._places:
            if all(abs(place(time) - other) > HIDDEN for other in found):
                found.append(place(time))
        return found

    def find(self, images: Sequence[Any], regions: Sequence[Region]) -> list[Body]:
        self.calls += len(regions)
        return [self.body(image.time, float(region.centre[0])) for image, region in zip(images, regions, strict=True)]

    def body(self, time: float, near: float) -> Body:
        x = min(self.shown(time), key=lambda place: abs(place - near))
        pixels = np.array([x, 270.0]) + np.random.default_rng(0).normal(0, 60, (33, 2))
        region = Region(np.array([x, 270.0]), 1.25 * SIZE)
        return Body(pixels, np.zeros((33, 3)), np.ones(33), float(abs(x - near) < SIZE / 2), region)


def frames(last_s: float, step_s: float = 0.0625) -> list[Any]:
    times = np.arange(0, last_s + step_s / 2, step_s)
    return [SimpleNamespace(time=time, planes=SimpleNamespace(time=time, size=(960, 540))) for time in times]


def looks(network: Network, times: Sequence[float]) -> list[Any]:
    """One piece for each person who is shown at each time."""
    frame = {each.time: each for each in frames(max(times))}
    return [
        [sighting(frame[time], (body := network.body(time, x)).region, body, clothes=False)]
        for time in times
        for x in network.shown(time)
    ]


def follow(network: Network, pieces: list[Any], last_s: float) -> list[Any]:
    return traced(SimpleNamespace(body=network), frames(last_s), pieces)  # type: ignore[arg-type]


def test_the_one_in_front_keeps_the_identity_and_the_one_behind_gets_none_from_it():
    network = Network(lambda time: 200 + 150 * time, lambda time: 700 - 150 * time)
    pieces = looks(network, [0.0, 1.0, 1.625, 2.25, 3.0])
    paths = joined(pieces, follow(network, pieces, 3.0))
    front = max(paths, key=len)
    assert (front[0].x, front[-1].x) == (200, 650)
    assert np.diff([seen.x for seen in front]).min() > 0  # never with the other, who walks the other way
    others = [path for path in paths if path is not front]
    assert all(len({np.sign(step) for step in np.diff([seen.x for seen in path])}) == 1 for path in others)


def test_who_has_arrived_is_not_followed_further():
    network = Network(lambda time: 300.0)
    pieces = looks(network, [0.0, 0.5, 1.0])
    found = follow(network, pieces, 1.0)
    assert [(len(each.onward), len(each.back)) for each in found] == [(8, 0), (8, 8), (0, 8)]


def test_no_one_is_followed_longer_than_a_person_may_be_absent():
    network = Network(lambda time: 300.0)
    piece = looks(network, [6.0])
    found = follow(network, piece, 12.0)[0]
    assert min(found.back) == 6.0 - LONGEST_ABSENCE_S
    assert max(found.onward) == 6.0 + LONGEST_ABSENCE_S


def test_frames_kept_to_go_back_are_limited(monkeypatch):
    monkeypatch.setattr(module, "_MOST_PIXELS", 10.5 * 960 * 540)
    network = Network(lambda time: 300.0)
    assert len(follow(network, looks(network, [3.0]), 3.0)[0].back) == 9
