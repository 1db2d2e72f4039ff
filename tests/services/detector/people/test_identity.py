"""Who is who after people crossed, from sightings alone."""

import numpy as np
import pytest

from services.detector.people.sighting import Sighting
from services.detector.people.tracks import linked

STEP_S = 0.25
RED, BLUE = (40.0, 50.0, 30.0, 30.0, 10.0, 5.0), (40.0, 0.0, -40.0, 60.0, 0.0, 10.0)


def seen(time: float, x: float, colour: tuple[float, ...]) -> Sighting:
    return Sighting(time=time, x=x, y=270.0, size=300.0, box=(int(x) - 60, 100, int(x) + 60, 440), colour=colour)


def looks(
    *people: tuple[float, float, tuple[float, ...]], count: int = 25, hidden: float = 75.0
) -> list[list[Sighting]]:
    """People who walk at a constant speed: (x at the start, pixels a second, colour); the later ones are occluded by
    earlier ones within `hidden` pixels."""
    frames = []
    for index in range(count):
        places = [x + speed * STEP_S * index for x, speed, _ in people]
        there = [all(abs(x - other) > hidden for other in places[:rank]) for rank, x in enumerate(places)]
        frames.append(
            [
                seen(STEP_S * index, x, colour)
                for x, (_, _, colour), shown in zip(places, people, there, strict=True)
                if shown
            ]
        )
    return frames


def slopes(frames: list[list[Sighting]]) -> list[float]:
    """Mean speed of each track, pixels a second."""
    return [
        float(np.polyfit([s.time for s in track.sightings], [s.x for s in track.sightings], 1)[0])
        for track in linked(frames)
    ]


@pytest.mark.parametrize("other", [BLUE, RED], ids=["other clothes", "the same clothes"])
def test_people_who_cross_keep_their_identity(other: tuple[float, ...]):
    assert slopes(looks((100.0, 120.0, RED), (820.0, -120.0, other))) == pytest.approx([120, -120], abs=1)


def test_people_who_meet_and_turn_back_are_known_by_their_clothes():
    there = looks((100.0, 120.0, RED), (820.0, -120.0, BLUE), count=13)
    last = there[-1][0].time
    back = [[s.model_copy(update={"time": 2 * last - s.time + STEP_S}) for s in look] for look in reversed(there)]
    tracks = linked([*there, *back])
    assert [track.sightings[-1].x for track in tracks] == pytest.approx([100, 820])


def test_another_who_appears_where_a_person_vanished_is_another_person():
    first = looks((300.0, 0.0, RED), count=8)
    later = [[seen(s.time + 3.0, s.x, BLUE) for s in look] for look in first]
    assert len(linked([*first, *later])) == 2
