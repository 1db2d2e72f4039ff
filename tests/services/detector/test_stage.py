import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from humanpose3d.errors import Cancelled, InvalidOption, NoPersonDetected, RarelyDetected, VideoTooShort
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import LANDMARKS
from services.detector.pose.landmarker import PoseLandmarker
from services.detector.stage import DETECTOR, DetectorInputs, run
from services.detector.video.canvas import Canvas
from services.detector.video.orientation import Image
from services.detector.video.reader import Video, survey
from services.refiner.depth.stage import DepthInputs, refine_depth
from shared.models import MODELS_DIRECTORY, sha256
from shared.stage import silent

LITE = RunOptions(pose_model="lite", export_preview=True)


def warning_codes(outputs) -> list[str]:
    return [warning.code for warning in outputs.report.warnings]


def empty(images: list[Image], count: int) -> list[Image]:
    return [np.full_like(images[0], 90)] * count


def test_all_33_landmarks_are_found_in_the_sample(detected):
    landmarks = detected.landmarks
    assert landmarks.pixels.shape == (100, 33, 2)
    assert landmarks.image_size == (1080, 1920)
    assert np.isfinite(landmarks.world).all(axis=(1, 2)).mean() >= 0.95
    assert np.isfinite(landmarks.pixels).all(axis=(1, 2)).mean() >= 0.95
    np.testing.assert_allclose(landmarks.times, np.arange(100) / 60, atol=1e-9)


def test_the_report_holds_what_was_measured(detected, sample):
    facts = detected.report.facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts["detection_rate"] == detected.landmarks.detected.mean()
    assert (facts["frames"], facts["pose_model"], facts["codec"]) == (100, "full", "h264")
    assert facts["between_detections_longest_s"] == pytest.approx(1 / 60)
    assert set(facts["visibility"]) == set(LANDMARKS)
    assert facts["visibility"]["left_hip"] == pytest.approx(detected.landmarks.visibility[:, 23].mean())
    used = ("pose_landmarker_full.task", "pose_landmarks_full.onnx", "pose_person.onnx")
    assert detected.report.models == {name: sha256(MODELS_DIRECTORY / name) for name in used}
    assert warning_codes(detected) == []
    assert detected.video_facts == survey(sample).facts


def test_the_preview_shows_every_frame_with_the_landmarks(detected, sample):
    assert detected.preview is not None
    assert [path.name for path in detected.preview.parent.iterdir()] == ["preview.mp4"]
    with Video(detected.preview) as preview, Video(sample) as original:
        drawn, plain = next(preview.frames()).image, Canvas.of(next(original.frames()).planes).rgb
        assert 1 + sum(1 for _ in preview.frames()) <= 100
    assert drawn.shape == plain.shape == (960, 540, 3)
    x, y = np.rint(detected.landmarks.pixels[0, 25] / 2).astype(int)  # the left knee is sky blue
    change = drawn[y, x].astype(int) - plain[y, x]
    assert np.abs(change).max() > 40
    np.testing.assert_allclose(drawn[y, x], (86, 180, 233), atol=30)


def test_progress_counts_frames(clip, tmp_path, images):
    path = clip("some.mp4", images=images[:12])
    calls: list[tuple[int, int | None]] = []
    run(DetectorInputs(path, tmp_path), RunOptions(pose_model="lite"), lambda *call: calls.append(call))
    assert calls == [(done, 12) for done in range(1, 13)]


def test_frames_without_a_person_are_missing_values(clip, tmp_path, images):
    shown = images[:8] + empty(images, 6)
    outputs = run(DetectorInputs(clip("leaves.mp4", images=shown), tmp_path), LITE, silent)
    landmarks = outputs.landmarks
    assert landmarks.detected[:8].all()
    assert not landmarks.detected[10:].any()
    assert np.isnan(landmarks.pixels[10:]).all()
    assert (landmarks.visibility[10:] == 0).all()
    assert "low-detection" in warning_codes(outputs)


def test_a_variable_frame_rate_is_reported_with_its_times(clip, tmp_path, images):
    ticks = np.cumsum([0, *[20, 50] * 5, 40]).tolist()
    path = clip("vfr.mp4", images=images[:12], ticks=ticks)
    outputs = run(DetectorInputs(path, tmp_path), LITE, silent)
    np.testing.assert_allclose(outputs.landmarks.times, np.array(ticks) / 1000, atol=1e-9)
    assert warning_codes(outputs) == ["variable-frame-rate"]
    assert outputs.preview is not None
    with Video(outputs.preview) as preview:
        assert len(list(preview.frames())) == 12
        np.testing.assert_allclose(preview.timeline.times, np.array(ticks) / 1000, atol=1e-4)


def test_the_rate_of_the_recording_gives_the_true_times(clip, tmp_path, images):
    path = clip("slow.mp4", images=images[:12], rate=30)
    options = LITE.model_copy(update={"capture_fps": 240.0})
    outputs = run(DetectorInputs(path, tmp_path), options, silent)
    np.testing.assert_allclose(outputs.landmarks.times, np.arange(12) / 240, atol=1e-9)
    facts = outputs.video_facts
    assert [facts.average_fps, facts.duration_s] == pytest.approx([240, 12 / 240])
    assert outputs.preview is not None
    with Video(outputs.preview) as preview:
        list(preview.frames())
        np.testing.assert_allclose(preview.timeline.times, np.arange(12) / 240, atol=1e-4)


def test_a_part_of_the_video_is_analysed(sample, tmp_path, detected):
    options = RunOptions(start=0.5, end=1.0)
    outputs = run(DetectorInputs(sample, tmp_path), options, silent)
    np.testing.assert_allclose(outputs.landmarks.times, np.arange(30, 60) / 60, atol=1e-9)
    facts = outputs.video_facts
    assert [facts.frames, facts.duration_s, facts.truncated] == pytest.approx([30, 0.5, False])
    apart = np.linalg.norm(outputs.landmarks.pixels - detected.landmarks.pixels[30:60], axis=-1)
    assert np.median(apart[10:]) < 3  # the smoothing has restarted
    with pytest.raises(InvalidOption, match=r"no frame in the part .*; the last one is at 1\.65 s"):
        run(DetectorInputs(sample, tmp_path), RunOptions(start=5), silent)


def window(sample_video: Path, pan: float, zoom: float) -> list[Image]:
    """Half of the sample's images at half the size, cropped to a window that slides (share of the room) and shrinks."""
    images = []
    with Video(sample_video) as video:
        frames = [frame.image for index, frame in enumerate(video.frames()) if index % 2 == 0]
    for share, frame in zip(np.linspace(0, 1, len(frames)), frames, strict=True):
        height, width = frame.shape[:2]
        across = round((0.62 if pan else 1 / zoom**share) * width)
        down = height if pan else round(height / zoom**share)
        left = round((width - across) * (pan * share if pan else 0.5))
        part = frame[(height - down) // 2 : (height + down) // 2, left : left + across]
        size = (334, 960) if pan else (540, 960)
        images.append(cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8))
    return images


@pytest.mark.parametrize(("pan", "zoom"), [(1.0, 1.0), (0.0, 1.4)])
def test_a_sliding_and_a_shrinking_window_are_a_camera_that_pans_and_zooms(clip, tmp_path, sample, pan, zoom):
    path = clip("moving.mp4", images=window(sample, pan, zoom))
    outputs = run(DetectorInputs(path, tmp_path), RunOptions(pose_model="lite"), silent)
    assert "camera-moves" in warning_codes(outputs)
    facts, moved = outputs.report.facts, outputs.camera_motion
    assert facts["camera_motion"] == "compensated"
    assert moved is not None
    # 0.38 of 1080 pixels at a focal length of 0.85 × 1920: 14.1°
    assert facts["camera_pan_deg"] == pytest.approx(14.1 if pan else 0.0, abs=0.5)
    assert moved.focal_lengths[-1] / moved.focal_lengths[0] == pytest.approx(zoom, rel=0.02)
    depth = DepthInputs(outputs.landmarks, Subject(height=1.72, weight=70))
    ways = [
        refine_depth(replace(depth, camera_motion=used), RunOptions(), silent).markers.position("Hip")
        for used in (moved, None)
    ]
    truth = (0.53, 0.05, 0.58)  # of the sample itself
    compensated, left_alone = (np.abs((way[-1] - way[0]) - truth) for way in ways)
    assert compensated.max() < 0.3  # by the quickest network, at half the frame rate
    assert left_alone.max() > 0.6


def test_the_longest_view_between_cuts_is_analysed(clip, tmp_path, images):
    other = [np.ascontiguousarray(255 - image[::-1]) for image in images[:6]]
    path = clip("cut.mp4", images=other + images[:18])
    outputs = run(DetectorInputs(path, tmp_path), LITE, silent)
    assert warning_codes(outputs)[0] == "video-cut"
    assert "at 0.20 s another view begins" in outputs.report.warnings[0].message
    np.testing.assert_allclose(outputs.landmarks.times, np.arange(6, 24) / 30, atol=1e-9)
    facts = outputs.video_facts
    assert [facts.frames, facts.duration_s, facts.truncated] == pytest.approx([18, 0.6, False])


def test_a_truncated_video_is_analysed_as_far_as_it_goes(clip, tmp_path, images):
    path = clip("cut.mp4", images=images, container_options={"movflags": "+faststart"}, options={"bf": "0"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 8 // 10])
    outputs = run(DetectorInputs(path, tmp_path), LITE, silent)
    assert 10 <= outputs.landmarks.times.size < 24
    assert outputs.video_facts.truncated
    assert "truncated" in warning_codes(outputs)


@pytest.mark.parametrize(
    ("people", "absent", "error", "message"),
    [
        (0, 12, NoPersonDetected, "any of the 12 frames"),
        (3, 17, RarelyDetected, r"15\.0% of the frames .*\(3 of 20\)"),
        (9, 0, VideoTooShort, "has 9 frames; at least 10"),
    ],
)
def test_too_few_frames_with_a_person_are_an_error_without_a_file(
    clip, tmp_path, images, people, absent, error, message
):
    # The person appears last: a person who leaves is tracked for another frame or two.
    shown = empty(images, absent) + images[:people]
    path = clip("little.mp4", images=shown)
    workdir = tmp_path / "work"
    workdir.mkdir()
    with pytest.raises(error, match=message) as raised:
        run(DetectorInputs(path, workdir), LITE, silent)
    assert type(raised.value) is error
    assert str(tmp_path) not in str(raised.value)
    assert not list(workdir.iterdir())


@pytest.mark.parametrize("runtime", ["onnx", "mediapipe"])
def test_cancelling_closes_everything_and_leaves_no_file(sample, tmp_path, monkeypatch, runtime):
    closed: list[str] = []
    for kind in (Video, PoseLandmarker):

        def leave(self: object, *error: object, kind: type = kind, leave: Callable[..., None] = kind.__exit__) -> None:
            closed.append(kind.__name__)
            leave(self, *error)

        monkeypatch.setattr(kind, "__exit__", leave)

    def cancel(done: int, total: int | None) -> None:
        if done == 5:
            raise Cancelled("The run was stopped.")

    with pytest.raises(Cancelled):
        run(DetectorInputs(sample, tmp_path), LITE.model_copy(update={"pose_runtime": runtime}), cancel)
    # The video is surveyed, then checked for orientation and people, then detected.
    assert sorted(closed) == ["PoseLandmarker"] * (runtime == "mediapipe") + ["Video"] * 4
    assert not list(tmp_path.iterdir())


def test_both_runtimes_agree(sample, tmp_path, detected):
    outputs = run(DetectorInputs(sample, tmp_path), RunOptions(pose_runtime="mediapipe"), silent)
    pixels = np.linalg.norm(outputs.landmarks.pixels - detected.landmarks.pixels, axis=-1)
    millimetres = 1000 * np.linalg.norm(outputs.landmarks.world - detected.landmarks.world, axis=-1)
    # As far apart as two runs of MediaPipe whose first image differs by one grey level.
    assert 0 < np.median(pixels) < 2
    assert 0 < np.median(millimetres) < 12
    assert list(outputs.report.models) == ["pose_landmarker_full.task"]


def test_show_video_without_a_display_is_a_warning(clip, tmp_path, images, monkeypatch, caplog):
    monkeypatch.delenv("DISPLAY", raising=False)
    path = clip("short.mp4", images=images[:10])
    outputs = run(DetectorInputs(path, tmp_path), RunOptions(pose_model="lite", show_video=True), silent)
    assert warning_codes(outputs) == ["no-display"]
    assert "No window is shown" in caplog.text
    assert outputs.preview is None


def test_the_stage_declares_its_types():
    assert DETECTOR.name == "detector"
    assert set(DETECTOR.inputs.__dataclass_fields__) == {"video", "workdir", "scouted"}
    assert set(DETECTOR.outputs.__dataclass_fields__) == {
        "landmarks",
        "video_facts",
        "preview",
        "report",
        "verticals",
        "camera_motion",
    }
    assert Path(MODELS_DIRECTORY / "pose_landmarker_lite.task").is_file()
