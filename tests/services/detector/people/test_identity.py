"""Who is who, from sightings and from how people were followed between them."""

import numpy as np
import pytest

from services.detector.people.guide import Guide, Path
from services.detector.people.identity import joined
from services.detector.people.sighting import Sighting
from services.detector.people.traces import Trace
from services.detector.people.tracks import PersonTrack, pieces

STEP_S = 0.25
RED, BLUE = (40.0, 50.0, 30.0, 30.0, 10.0, 5.0), (40.0, 0.0, -40.0, 60.0, 0.0, 10.0)


def seen(time: float, x: float, colour: tuple[float, ...] = RED) -> Sighting:
    box = (int(x) - 60, 100, int(x) + 60, 440)
    return Sighting(time=time, x=x, y=270.0, size=300.0, box=box, colour=colour, pose=(0.1,) * 32)


def walk(start_s: float, x: float, speed: float, colour: tuple[float, ...] = RED, count: int = 8) -> list[Sighting]:
    """Sightings of a person who walks, pixels per second."""
    return [seen(start_s + STEP_S * index, x + speed * STEP_S * index, colour) for index in range(count)]


def untraced(*paths: list[Sighting]) -> list[list[Sighting]]:
    return joined(paths, [Trace()] * len(paths))


def traced(*paths: list[Sighting], ways: dict[int, dict[float, float]], back: dict[int, dict[float, float]]):
    """The paths joined, where people were followed to these positions by time, onward from and back to their ends."""

    def way(places: dict[float, float]) -> dict[float, Sighting]:
        return {time: seen(time, x) for time, x in places.items()}

    traces = [Trace(way(ways.get(index, {})), way(back.get(index, {}))) for index in range(len(paths))]
    return joined(paths, traces)


def ends(paths: list[list[Sighting]]) -> set[tuple[float, float]]:
    return {(path[0].x, path[-1].x) for path in paths}


def test_people_apart_are_one_piece_each():
    both = [list(look) for look in zip(walk(0, 100, 20), walk(0, 800, -20), strict=True)]
    assert [len(piece) for piece in pieces(both)] == [8, 8]


@pytest.mark.parametrize("near", [150.0, 220.0])
def test_people_who_come_near_one_another_are_not_linked_by_their_places(near: float):
    both = [list(look) for look in zip(walk(0, 100, 20), walk(0, 100 + near, 20), strict=True)]
    assert [len(piece) for piece in pieces(both)] == [1] * 16


def test_no_one_is_linked_by_place_while_another_is_not_seen():
    first, second = walk(0, 100, 20, count=12), walk(0, 800, -20, count=12)
    looks = [
        [one] if 4 <= index < 8 else [one, two] for index, (one, two) in enumerate(zip(first, second, strict=True))
    ]
    assert sorted(len(piece) for piece in pieces(looks)) == [1] * 4 + [4] * 4


def test_looks_without_people_link_no_one():
    looks = [[], [], [seen(2 * STEP_S, 300)], [seen(3 * STEP_S, 302)], [], []]
    assert [len(piece) for piece in pieces(looks)] == [2]


def test_another_in_the_same_place_is_not_linked():
    looks = [[seen(0, 300)], [seen(STEP_S, 300)], [seen(2 * STEP_S, 300, BLUE)]]
    assert [len(piece) for piece in pieces(looks)] == [2, 1]


def test_who_is_followed_both_ways_is_one_person_and_the_way_is_part_of_the_path():
    before, after, passed = walk(0, 100, 100), walk(3, 400, 100), walk(3, 380, -100)
    way = {2.0 + 0.1 * step: 290.0 + step for step in range(10)} | {3.0: 400.0}
    paths = traced(before, after, passed, ways={0: way}, back={1: {1.75: 275.0, **way}})
    assert ends(paths) == {(100, 575), (380, 205)}
    assert len(paths[0]) == 8 + 8 + 10


def test_who_is_followed_one_way_only_ends_there():
    before, after, alike = walk(0, 100, 100), walk(3, 400, 100), walk(3, 390, 90)
    way = {2.0 + 0.1 * step: 290.0 + step for step in range(10)} | {3.0: 400.0}
    other = {time: x + 60 for time, x in way.items()}
    for back in ({}, {1: {1.75: 275.0, **other}}, {1: {1.75: 400.0, **way}}):
        assert (100, 575) not in ends(traced(before, after, alike, ways={0: way}, back=back))


def test_people_who_hide_one_another_are_known_by_their_clothes():
    paths = untraced(
        walk(0, 100, 120, RED), walk(0, 700, -120, BLUE), walk(2.5, 420, -120, RED), walk(2.5, 400, 120, BLUE)
    )
    assert ends(paths) == {(100, 210), (700, 610)}


def test_people_dressed_alike_who_hide_one_another_end_in_a_gap():
    assert len(untraced(walk(0, 340, 10), walk(0, 420, -10), walk(3, 340, 0), walk(3, 420, 0))) == 4


def test_who_was_followed_elsewhere_is_another_person():
    before, after = walk(0, 300, 0), walk(2.5, 330, 0)
    assert len(untraced(before, after)) == 1
    assert len(traced(before, after, ways={0: {2.5: 700.0}}, back={})) == 2


def test_another_who_appears_where_a_person_vanished_is_another_person():
    assert len(untraced(walk(0, 300, 0), walk(3, 300, 0, BLUE))) == 2


def track(number: int, *paths: list[Sighting]) -> PersonTrack:
    return PersonTrack.of(number, [seen for path in paths for seen in path])


def test_a_person_is_nowhere_in_a_gap():
    path = Path.of(track(1, walk(0, 100, 100), walk(3, 400, 100)), 0, 10, 0.4)
    assert path.at(1.125) == pytest.approx((212.5, 270, 300))
    nowhere = [time for time in (1.74, 1.8, 2.9, 3.01, 4.8, 4.9) if path.at(time) is None]
    assert nowhere == [1.8, 2.9, 4.9]


def test_a_detection_in_a_gap_is_another_person_s():
    person, other = track(1, walk(0, 100, 0), walk(3, 100, 0)), track(2, walk(0, 400, 0, count=20))
    guide = Guide.of((person, other), person, 0, 10, 0.4)
    assert guide.distance(1.0, 110, 270, 300) == pytest.approx(10 / 300)
    assert guide.distance(2.5, 110, 270, 300) is None
    assert guide.distance(1.0, 300, 270, 300) is None  # nearer to the other


def test_time_in_a_gap_is_not_in_view():
    path = [*walk(0, 100, 100), *walk(3, 400, 100)]
    assert PersonTrack.of(1, path, 0.4).in_view_s == pytest.approx(3.5)


def test_motion_is_that_of_the_body_not_of_closely_spaced_noise():
    rng = np.random.default_rng(1)
    close = [seen(0.0625 * index, 300 + rng.normal(0, 4)) for index in range(64)]
    assert PersonTrack.of(1, close).motion < 0.1
