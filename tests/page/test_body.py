"""The body in space and the video beside it: posed by the markers, seen by the video's camera, zoomed and laid over."""

import hashlib
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from gateway.static_files import STATIC
from humanpose3d.skeleton import ALL_MARKERS, LANDMARKS, MARKER_INDEX
from shared.results.trust import _NOTHING, _WITHOUT
from tests.page import walker
from tests.page.conftest import submit
from tests.page.fake_server import FakeServer
from tests.servers import REPOSITORY

OpenPage = Callable[..., Page]

SIZE = (720, 1280)
FOCAL = 1000.0
PITCH_DEG = 10.0
CAMERA = np.array([3.5, 1.6, 1.2])
"""Metres: on the walker's left, looking at them and down."""

POSED = """async ({ positions, names, frame }) => {
  const { figureOf } = await import("/static/parts/figure.js");
  const { readArrays } = await import("/static/lib/motion.js");
  const { Vector3 } = await import("three");
  const file = await (await fetch("/static/human.bin")).arrayBuffer();
  const times = Float64Array.from({ length: positions.length / names.length / 3 }, (_, at) => at);
  const markers = { times, names, positions: new Float32Array(positions) };
  const figure = figureOf(file, markers);
  const floor = figure.floor();
  figure.show(frame);
  const { header, array } = readArrays(file);
  const mean = (name) => {
    const rest = new Vector3().fromArray(array("markers"), 3 * header.markers.indexOf(name));
    const [sum, at] = [new Vector3(), new Vector3()];
    let count = 0;
    for (let vertex = 0; vertex < array("vertices").length / 3; vertex++) {
      if (at.fromArray(array("vertices"), 3 * vertex).distanceTo(rest) > 0.08) continue;
      sum.add(at.fromBufferAttribute(figure.geometry.attributes.position, vertex));
      count += 1;
    }
    return sum.divideScalar(count).toArray();
  };
  const places = ["RWrist", "LAnkle", "LKnee", "RElbow"].map((name) => [name, mean(name)]);
  return { floor, places: Object.fromEntries(places) };
}"""

SEEN = """async ({ positions, names, pixels, landmarks, size, focal, pitch, frame }) => {
  const { videoCamera } = await import("/static/lib/resection.js");
  const { Framing } = await import("/static/lib/framing.js");
  const { Viewer } = await import("/static/parts/viewer.js");
  const frames = positions.length / names.length / 3;
  const times = Float64Array.from({ length: frames }, (_, at) => at / 30);
  const markers = { times, names, positions: new Float32Array(positions) };
  const visibility = new Float32Array(frames * landmarks.length).fill(1);
  const seen = { times, names: landmarks, pixels: new Float32Array(pixels), visibility };
  const pose = videoCamera(markers, seen, { size, focal, pitch, roll: 0 });
  const pane = document.createElement("div");
  Object.assign(pane.style, { position: "fixed", left: 0, top: 0, width: "360px", height: "640px", zIndex: 9 });
  pane.className = "stage space seen";
  document.body.append(pane);
  const recorded = { pose, framing: new Framing(seen, size), video: document.createElement("video") };
  const what = { markers, ghost: null, segments: [], main: names.slice(0, 22), label: "", human: null, recorded };
  const viewer = new Viewer(pane, what, new AbortController().signal);
  await new Promise((resolve) => setTimeout(resolve, 200));
  viewer.look("camera");
  viewer.showTime(times[frame]);
  viewer.render();
  return pose;
}"""


def sent(markers: np.ndarray, **more: object) -> dict[str, object]:
    return {"positions": markers.astype(float).ravel().tolist(), "names": list(ALL_MARKERS), **more}


def test_the_figure_is_small_and_the_one_that_the_notice_names():
    content = (STATIC / "human.bin").read_bytes()
    assert hashlib.sha256(content).hexdigest() in (REPOSITORY / "NOTICE").read_text(encoding="utf-8")
    (length,) = struct.unpack_from("<I", content)
    arrays = {each["name"]: each["shape"] for each in json.loads(content[4 : 4 + length])["arrays"]}
    assert arrays["triangles"][0] < 10_000
    assert len(content) < 150_000


def test_the_body_is_where_the_markers_are_and_the_floor_below_its_soles(open_page: OpenPage):
    positions = walker.markers().positions
    page = open_page()
    posed = page.evaluate(POSED, sent(positions, frame=40))
    for name, place in posed["places"].items():
        assert place == pytest.approx(positions[40, MARKER_INDEX[name]].tolist(), abs=0.04), name
    assert abs(posed["floor"]) < 0.06
    lifted = page.evaluate(POSED, sent(positions + [0, 0.3, 0], frame=40))
    assert lifted["floor"] - posed["floor"] == pytest.approx(0.3, abs=0.001)


def test_the_video_camera_is_found_and_the_body_seen_as_in_the_video(open_page: OpenPage):
    positions = walker.markers().positions
    down = np.radians(PITCH_DEG)
    right, away = np.array([0.0, 0.0, -1.0]), np.array([-np.cos(down), -np.sin(down), 0.0])
    axes = np.stack([right, np.cross(away, right), away])
    local = (positions - CAMERA) @ axes.T
    projected = np.array(SIZE) / 2 + FOCAL * local[..., :2] / local[..., 2:]
    pixels = np.zeros((len(positions), len(LANDMARKS), 2))
    for index, name in enumerate(LANDMARKS):
        marker = f"{name[0].upper()}{name.split('_')[-1].title()}"
        pixels[:, index] = projected[:, MARKER_INDEX.get(marker, 0)]
    turn = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # the world's Z is towards the camera
    page = open_page()
    pose = page.evaluate(
        SEEN,
        sent(
            positions @ turn,
            pixels=pixels.ravel().tolist(),
            landmarks=list(LANDMARKS),
            size=SIZE,
            focal=FOCAL,
            pitch=PITCH_DEG - 4,
            frame=30,
        ),
    )
    assert pose["position"] == pytest.approx((CAMERA @ turn).tolist(), abs=0.01)
    assert pose["error"] < 1
    image = np.asarray(Image.open(io.BytesIO(page.locator(".seen").screenshot())).convert("RGB")).astype(int)
    for name, side in (("LWrist", -1), ("LAnkle", -1), ("RElbow", 1)):
        x, y = np.rint(projected[30, MARKER_INDEX[name]] / 2).astype(int)
        red, _, blue = np.moveaxis(image[y - 3 : y + 4, x - 3 : x + 4], 2, 0)
        assert (side * (red - blue)).max() > 60, name


def test_the_video_has_its_own_shape_and_is_zoomed_and_bared(open_page: OpenPage, video: Path):
    page = open_page()
    submit(page, video)
    pane = page.locator(".recorded .stage")
    page.get_by_role("slider", name="Time", exact=True).fill("30")
    shown = pane.bounding_box()
    assert shown
    assert shown["width"] / shown["height"] == pytest.approx(walker.SIZE[0] / walker.SIZE[1], rel=0.02)
    whole = pane.locator("video").bounding_box()
    assert whole
    assert whole["height"] == pytest.approx(shown["height"], abs=2)
    page.get_by_label("Zoom to the person").check()
    near = pane.locator("video").bounding_box()
    assert near
    assert near["height"] > 1.05 * whole["height"]
    expect(pane.locator("canvas")).to_be_visible()
    page.get_by_label("Skeleton").uncheck()
    expect(pane.locator("canvas")).to_be_hidden()


def test_what_warnings_and_the_view_speak_against_is_greyed_with_the_reason(
    open_page: OpenPage, server: FakeServer, video: Path
):
    page = open_page()
    submit(page, video)
    ankle = page.locator(".statistics tbody", has_text="Dorsiflexion").locator("tr").first
    expect(ankle).to_have_class("doubtful")
    expect(ankle.locator("td").nth(-1)).to_have_text("–")
    notes = page.locator(".footnotes li")
    expect(notes).to_have_text(
        ["Seen from the side, one leg hides the other: right and left are not compared."]
        + ["A foot was often out of sight: do not use ankle angles."]
    )
    expect(page.locator(".statistics tr.doubtful")).to_have_count(3)
    expect(page.locator(".warnings li").last).to_contain_text("Ankle: A foot was guessed")
    page.get_by_label("Ankle", exact=True).check()
    expect(page.locator(".against")).to_contain_text("A foot was often out of sight")


def test_the_page_doubts_all_that_the_verdict_doubts(open_page: OpenPage):
    against = open_page().evaluate("async () => (await import('/static/lib/doubts.js')).AGAINST")
    assert set(_NOTHING) | set(_WITHOUT) <= set(against)
    for code, joints in _WITHOUT.items():
        assert joints <= set(against[code]["joints"])
