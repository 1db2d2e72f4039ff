"""Files and columns of a result, with unit, sign and frame. The names come from the code that writes them."""

from collections.abc import Iterable
from fnmatch import fnmatch
from typing import Final, get_args

from docs.generate.markdown import code, table
from humanpose3d.analysis import KEY_FIGURES
from humanpose3d.batch.summary import COLUMNS as SUMMARY_COLUMNS
from humanpose3d.formats.analysis_files import CYCLE_COLUMNS, PARAMETER_COLUMNS
from humanpose3d.formats.csv_files import LANDMARK_COLUMNS, angle_columns, angles_csv_name
from humanpose3d.options import StageName
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS, LANDMARKS, RESPONSE_MARKERS, mirrored
from shared.results.key_figures import TASK_NAMES

KINDS: Final = ("png", "svg")
"""File formats of every figure."""

FILES: Final = {
    "report.html": ("always", "the run on one page, for reading, mailing and printing"),
    "report.pdf": ("`pdf`", "the same report as PDF"),
    "<video>_initial.trc": ("always", "22 markers from the detector: scaled and aligned, not refined"),
    "<video>_final.trc": ("always", "22 + 43 markers after all stages"),
    "<video>_marker_sd.csv": (
        "`main_refiner`",
        "standard deviation of the 22 markers in metres, as the network states it",
    ),
    "<video>_raw_landmarks.csv": ("always", "the 33 landmarks of MediaPipe, unmodified"),
    "joint_angles/<video>_angles_<group>.csv": ("always", "three angles of one joint group, 12 such files"),
    "joint_angles/joint_angles.csv": ("always", "all joint angles, one row a frame, one column an angle"),
    "joint_angles/joint_angles_long.csv": ("always", "all joint angles, one row for each angle of each frame"),
    "events.json": ("always", "the task, its events in seconds, and what could not be measured and why"),
    "parameters.csv": ("always", "key figures, one row a figure, side and repetition"),
    "cycles.csv": ("gait with a whole stride", "mean cycle of every joint angle, 0 to 100 %, by side"),
    "quality.json": ("always", "quality measures of this run, and its warnings"),
    "run.json": ("always", "options, versions, hashes of the models, timings: enough to repeat the run"),
    "<video>_preview.mp4": ("`export_preview`, `blur_faces`", "the video with the landmarks drawn over it"),
    "<video>.osim": ("`opensim`", "OpenSim model scaled to the person: segments, markers, mass"),
    "<video>_ik.mot": ("`opensim`", "its coordinates over time: degrees, and metres for the pelvis' position"),
    "<video>.c3d": ("`c3d`", "C3D with the 65 markers, the joint angles and the events"),
    "<video>_landmarks.*": ("`plot_landmarks`", "figure of the landmarks' paths"),
    "<video>_augmented.*": ("`plot_augmented`", "figure of the markers"),
    "joint_angles/<video>_all_joint_angles.*": ("`plot_all_joint_angles`", "figure of all joint angles"),
    "joint_angles/<video>_gait_cycles.*": (
        "`plot_all_joint_angles`, gait with a whole stride",
        "figure of the mean gait cycles, with norms where they are given",
    ),
    "joint_angles/<video>_angle_comparison.*": (
        "`save_angle_comparison`",
        "figure of right against left; of before against after where the joints were refined",
    ),
}
"""Path → when it is written, and what it holds; `.*` stands for every figure format."""

LANDMARK_MEANINGS: Final = {
    "timestamp_s": ("s", "the frame's own time in the video; equal for the 33 rows of one frame"),
    "landmark": ("", "name of the landmark, see below"),
    "x_m": ("m", "camera's frame: to the right in the image; 0 is the middle of the hips"),
    "y_m": ("m", "camera's frame: down in the image; 0 is the middle of the hips"),
    "z_m": ("m", "camera's frame: away from the camera; 0 is the middle of the hips"),
    "visibility": ("0 to 1", "how sure the detector is that the landmark can be seen; 0 where no person was found"),
    "x_px": ("pixel", "from the left edge of the upright image"),
    "y_px": ("pixel", "from the top edge of the upright image"),
}

PARAMETERS: Final = {
    "parameter": "name of the figure",
    "side": "`right` or `left`; empty where it belongs to neither",
    "repetition": "number of the repetition, stride or step, from 1; empty: over all of them",
    "value": "the figure; over all repetitions their mean (of a range of motion the largest)",
    "sd": "of one repetition: standard deviation of the measurement where it is known; over all: between repetitions",
    "n": "over all: how many repetitions",
    "unit": "unit; 1 is a count or a ratio",
    "method": "how it was found, with the source",
}

CYCLES: Final = {
    "side": "the side whose heel strikes begin and end the cycle",
    "joint": "joint group",
    "angle": "angle of that group",
    "percent": "0 to 100 % of the cycle",
    "mean_deg": "mean of the cycles, degrees",
    "sd_deg": "standard deviation between the cycles, degrees; empty of a single one",
    "n": "how many cycles",
    "norm_mean_deg": "mean of the norms, degrees; empty without `norms_path`",
    "norm_sd_deg": "standard deviation of the norms, degrees",
}

SIGNS: Final = {
    ("pelvis", "tilt"): "anterior (front of the pelvis down)",
    ("pelvis", "obliquity"): "right side up",
    ("pelvis", "rotation"): "right side forward: a turn to the left, seen from above",
    ("hip", "flexion"): "flexion; − extension",
    ("hip", "adduction"): "adduction; − abduction",
    ("hip", "internal_rotation"): "internal; − external",
    ("knee", "flexion"): "flexion; − hyperextension",
    ("knee", "adduction"): "adduction (varus); − abduction (valgus)",
    ("knee", "internal_rotation"): "internal (of the shank); − external",
    ("ankle", "dorsiflexion"): "dorsiflexion; − plantarflexion",
    ("ankle", "inversion"): "inversion; − eversion",
    ("ankle", "internal_rotation"): "internal (toes in); − external",
    ("trunk", "flexion"): "flexion, forward; − extension",
    ("trunk", "lateral_bending"): "to the right; − to the left",
    ("trunk", "rotation"): "to the left; − to the right",
    ("shoulder", "plane_of_elevation"): "0 abduction, 90 forward, −90 backward",
    ("shoulder", "elevation"): "0 arm along the trunk, 180 overhead",
    ("shoulder", "internal_rotation"): "internal; − external",
    ("elbow", "flexion"): "flexion; − hyperextension",
    ("elbow", "carrying_angle"): "varus (forearm towards the body); − valgus",
    ("elbow", "pronation"): "pronation; 0 palm forward, about 180 palm backward, the arm hanging",
}
"""What a positive value means; `services.angles.joints` is the definition."""

_FRAMES: Final = {
    "pelvis": "pelvis in the world",
    "hip": "thigh in the pelvis",
    "knee": "shank in the thigh",
    "ankle": "foot in the shank",
    "trunk": "trunk in the pelvis",
    "shoulder": "upper arm in the trunk",
    "elbow": "forearm in the upper arm",
}

PLACES: Final = {
    "Hip": "middle of the hips",
    "RHip": "hip",
    "RKnee": "knee",
    "RAnkle": "ankle",
    "RBigToe": "big toe",
    "RSmallToe": "small toe",
    "RHeel": "heel",
    "Neck": "base of the neck",
    "Head": "top of the head",
    "Nose": "nose",
    "RShoulder": "shoulder",
    "RElbow": "elbow",
    "RWrist": "wrist",
    "r.ASIS_study": "anterior superior iliac spine",
    "r.PSIS_study": "posterior superior iliac spine",
    "r_knee_study": "lateral femoral epicondyle",
    "r_mknee_study": "medial femoral epicondyle",
    "r_ankle_study": "lateral malleolus",
    "r_mankle_study": "medial malleolus",
    "r_toe_study": "front of the foot",
    "r_5meta_study": "head of the fifth metatarsal",
    "r_calc_study": "back of the heel (calcaneus)",
    "r_shoulder_study": "acromion",
    "C7_study": "seventh cervical vertebra",
    "r_thigh1_study": "cluster on the thigh, 1",
    "r_thigh2_study": "cluster on the thigh, 2",
    "r_thigh3_study": "cluster on the thigh, 3",
    "r_sh1_study": "cluster on the shank, 1",
    "r_sh2_study": "cluster on the shank, 2",
    "r_sh3_study": "cluster on the shank, 3",
    "RHJC_study": "hip joint centre",
    "r_lelbow_study": "lateral humeral epicondyle",
    "r_melbow_study": "medial humeral epicondyle",
    "r_lwrist_study": "wrist on the side of the thumb (radial styloid)",
    "r_mwrist_study": "wrist on the side of the little finger (ulnar styloid)",
}
"""Markers of the midline and of the right side; the left ones are at the same places of the left side."""

QUALITY: Final = {
    "schema_version": ("", "increased when a field changes its meaning or is removed"),
    "video.capture_fps": ("Hz", "rate of the recording as given; all times then refer to the recording"),
    "video.focal_length": ("", "over the image's longer side, stated by you or the file; `null` if unknown"),
    "video.focal_length_from": ("", "`option`, or the kind of key in the file: `35 mm equivalent`, `field of view`"),
    "video.lens": ("", "the lens as named by the camera's manufacturer, where the file states it"),
    "video.*": ("", "from the file: size in pixels, frame rate, duration in seconds, codec"),
    "verdict": ("", "what the angles are good for, in one sentence; ±: expected mean absolute error"),
    "measured_error.view": ("", "viewing direction: frontal, oblique, lateral"),
    "measured_error.*.clips": ("count", "clips of that view in which errors were measured"),
    "measured_error.*.reference": ("", "what they were compared with"),
    "measured_error.*.mae_deg.*": (
        "°",
        "mean absolute error of each angle in that view, on `rendered` and on `real` people (of these OpenSim's "
        "coordinates): see "
        "[Validation](validation.md). `null` for an unknown view and for networks that were not measured",
    ),
    "joint_angles": ("", "`as computed`, or `refined` where a network refined them"),
    "neutral.start_s": ("s", "the neutral stance, where one was stated: its beginning"),
    "neutral.end_s": ("s", "its end"),
    "neutral.run": ("", "the run in which it was measured; `null`: this one"),
    "neutral.height": ("m", "height of the person there"),
    "neutral.offsets_deg.*": (
        "°",
        "mean of each angle in the stance, subtracted in the columns `…_from_neutral_deg`; `null` where it was "
        "missing or not at rest",
    ),
    "neutral.segment_scales.*": ("", "lengths of the person's segments over those of the model"),
    "marker_spread_mean_m.*": ("m", "spread of the augmentation's results for perturbed copies, mean over time"),
    "verdict_text.*": ("", "the same as a template with values, for translation"),
    "warnings": (
        "",
        "stage, code, message, and the message as a template with values; see [Troubleshooting](troubleshooting.md)",
    ),
    "stages.detector.pose_model": ("", "the landmark model"),
    "stages.detector.detection_rate": ("share", "frames in which a person was found"),
    "stages.detector.between_detections_longest_s": ("s", "longest time without a person"),
    "stages.detector.visibility.*": ("0 to 1", "mean visibility of each landmark"),
    "stages.detector.body_size_px": ("pixel", "height or width of the person in the image, the larger; median"),
    "stages.detector.outside_image_rate": ("share", "frames in which a limb is outside the image"),
    "stages.detector.body_jumps": ("count", "times that the tracked body moved implausibly fast"),
    "stages.detector.people.rule": ("", "by which the person analysed was chosen (`person`)"),
    "stages.detector.people.chosen": ("", "number of the track that is analysed"),
    "stages.detector.people.near_s": ("s", "others close to the person: number of the track, from, to"),
    "stages.detector.people.tracks": (
        "",
        "everyone in view: number, times of the first and last sighting, size in pixels, share of the limbs in view, "
        "motion in body sizes per second, and at `times_s` the boxes in pixels (left, top, right, bottom)",
    ),
    "stages.detector.camera_motion": ("", "`still`, `compensated` or `not compensated`"),
    "stages.detector.camera_zoom": ("", "longest over shortest focal length"),
    "stages.detector.camera_unexplained_share": (
        "share",
        "background measurements not explained by rotation and zoom",
    ),
    "stages.detector.camera_*_deg": (
        "°",
        "rotation of the camera: left and right, up and down, about its line of sight",
    ),
    "stages.detector.interlaced": ("", "whether the video is interlaced"),
    "stages.detector.damaged_parts": ("count", "parts of the video that could not be decoded"),
    "stages.detector.repeated_images": (
        "count",
        "frames equal to the previous one, although something moves",
    ),
    "stages.detector.repeated_images_share": ("share", "of the frames in which something moves"),
    "stages.detector.timestamps_*": ("count", "frames whose time was missing, repeated or set back"),
    "stages.detector.*": ("", "as under `video`, and other statements of the detector"),
    "stages.refiner.depth.swaps_share": (
        "share",
        "frames in which left and right differ from the detector's labels, since these were corrected",
    ),
    "stages.refiner.depth.swaps_doubtful_share": (
        "share",
        "frames in which they may be wrong but were left as detected (without a depth network)",
    ),
    "stages.refiner.depth.swaps_*intervals_s": ("s", "first and last time of each interval"),
    "stages.refiner.depth.facing_contradicted_share": (
        "share",
        "frames in which the depth network reversed the facing direction against the detector's clear evidence",
    ),
    "stages.refiner.depth.gravity": ("", "source of the camera's tilt"),
    "stages.refiner.depth.gravity_by_upright_lines": ("", "whether upright lines in the image were used"),
    "stages.refiner.depth.gravity_by_floor": ("", "whether the floor under the person's path was used"),
    "stages.refiner.depth.camera_pitch_deg": ("°", "tilt of the camera, + looking down"),
    "stages.refiner.depth.camera_roll_deg": ("°", "roll of the camera about its line of sight"),
    "stages.refiner.depth.camera_*_sd_deg": ("°", "standard deviation of the two"),
    "stages.refiner.depth.scale": ("", "by which the detector's lengths were multiplied to match the height given"),
    "stages.refiner.depth.scale_frames": ("count", "frames used for the scale"),
    "stages.refiner.depth.implied_stature_m": ("m", "body height implied by the detector's landmarks"),
    "stages.refiner.depth.implied_stature_iqr_m": ("m", "its interquartile range"),
    "stages.refiner.depth.translation": ("", "source of the path through the room"),
    "stages.refiner.depth.focal_length_of_longer_side": ("", "focal length over the image's longer side, as used"),
    "stages.refiner.depth.focal_length_known": ("", "whether the file or the user states it; otherwise it is assumed"),
    "stages.refiner.depth.floor_slope_removed_deg": ("°", "estimated slope of the floor, removed"),
    "stages.refiner.depth.sole_pitch_standing_deg": (
        "°",
        "from heel to big toe against the ground while a foot stands, + toes down, median; 5 is usual",
    ),
    "stages.refiner.depth.foot_length_of_stature": ("", "heel to big toe over the height, median; 0.136 is usual"),
    "stages.refiner.depth.feet_occluded_share": (
        "share",
        "frames with a guessed foot below a visible knee",
    ),
    "stages.refiner.depth.frontal_share": ("share", "frames in which the trunk faces the camera, or away from it"),
    "stages.refiner.depth.travelled_along_view_m": ("m", "distance that the person moved along the line of sight"),
    "stages.refiner.depth.gap_longest_s": ("s", "longest gap of a marker"),
    "stages.refiner.depth.gaps_count": ("count", "gaps of all markers"),
    "stages.refiner.depth.bone_length_cv.*": ("", "standard deviation of a bone's length over its mean; rigid is 0"),
    "stages.refiner.depth.*_share.*": (
        "share",
        "frames in which a marker was missing, filled, estimated, or stayed missing",
    ),
    "stages.refiner.depth.*_share": ("share", "the same; empty where there is none"),
    "stages.refiner.depth.marker_sd_m.*": ("m", "standard deviation of each marker, as stated by the depth network"),
    "stages.augmenter.copies": ("count", "perturbed copies (`augmentation_cycles`)"),
    "stages.augmenter.perturbation_mm": ("mm", "size of the perturbation"),
    "stages.augmenter.seed": ("", "of its random numbers: constant, so that runs are repeatable"),
    "stages.augmenter.pre_roll_frames": ("count", "frames added before the first, for the networks to settle"),
    "stages.augmenter.network_rate_hz": ("Hz", "frame rate that the networks work at"),
    "stages.augmenter.heading_range_deg": ("°", "how far the person turned"),
    "stages.augmenter.spread_*": ("mm", "spread of the results for the copies: mean and 95th percentile"),
    "stages.augmenter.*_share*": ("share", "frames in which a marker is missing, or was estimated (`force_complete`)"),
    "stages.angles.singularity_margin_deg": ("°", "threshold for `near_singularity_share`"),
    "stages.angles.pelvis_largest_step_deg": ("°", "largest change of a pelvis angle from frame to frame"),
    "stages.angles.skeleton.segment_scales.*": ("", "each segment's lengths over those of the model, along x, y and z"),
    "stages.angles.skeleton.marker_distance_mm": (
        "mm",
        "root mean square distance of the skeleton's markers from those measured",
    ),
    "stages.angles.groups.*.missing_share": ("share", "frames without this group's angles"),
    "stages.angles.groups.*.near_singularity_share": ("share", "frames near a singular posture"),
    "stages.angles.groups.*.angles.*": ("°", "minimum, maximum and range of motion of each angle"),
    "stages.analysis.task": ("", "the task; `none`: not analysed further"),
    "stages.analysis.task_recognised": ("", "whether the task was recognised rather than set by `task`"),
    "stages.analysis.view": ("", "viewing direction: frontal, oblique, lateral"),
    "stages.refiner.joints*": ("", "what the joint refiner states, where it ran"),
}
"""Fields of quality.json as patterns, the first that fits counts → unit and meaning."""

SOMETIMES: Final = (
    "stages.refiner.depth.*_share.*",
    "stages.refiner.depth.facing_contradicted_share",
    "stages.refiner.depth.marker_sd_m.*",
    "stages.refiner.joints*",
    "neutral.start_s",
    "neutral.end_s",
    "neutral.run",
    "neutral.height",
    "neutral.offsets_deg.*",
    "neutral.segment_scales.*",
)
"""Optional fields of quality.json: absent where nothing was missing, or no network or neutral stance was used."""

RUN: Final = {
    "schema_version": "increased when a field changes its meaning or is removed",
    "name": "name of the video without suffix; the files are named after it",
    "created_at": "time of the run (UTC)",
    "video_sha256": "hash of the video",
    "subject.*": "height in metres and weight in kilograms, as given",
    "options.*": "every option, as given or by default",
    "notes.*": "subject, session, labels, side and note, as they were when the run ended",
    "models.*": "file name and SHA-256 of every network that was used",
    "versions.*": "versions of Python, of this program and of the numerical packages",
    "timings_s.*": "seconds taken by each stage",
}


def files() -> str:
    """Every file that a run may leave."""
    kinds = ", ".join(f".{kind}" for kind in KINDS)
    rows = ((code(path.replace(".*", kinds)), *about) for path, about in FILES.items())
    return table(("File", "Written", "Holds"), rows)


def figures() -> str:
    """The key figures of each task, which are shown first."""
    rows = ((TASK_NAMES[task], ", ".join(map(code, names))) for task, names in KEY_FIGURES.items() if names)
    return table(("Task", "Key figures"), rows)


def parameter_columns() -> str:
    """The columns of parameters.csv."""
    return table(("Column", "Meaning"), ((code(name), PARAMETERS[name]) for name in PARAMETER_COLUMNS))


def cycle_columns() -> str:
    """The columns of cycles.csv."""
    return table(("Column", "Meaning"), ((code(name), CYCLES[name]) for name in CYCLE_COLUMNS))


def landmark_columns() -> str:
    """The columns of the raw landmarks."""
    rows = ((code(name), *LANDMARK_MEANINGS[name]) for name in LANDMARK_COLUMNS)
    return table(("Column", "Unit", "Meaning"), rows)


def landmarks() -> str:
    """The 33 names, in file order."""
    return ", ".join(map(code, LANDMARKS))


def angle_files() -> str:
    """The twelve files and their columns."""
    rows = []
    for group in JOINT_GROUPS:
        joint = group.name.split("_")[0]
        for column, angle in zip(angle_columns(group, spread=False)[1:], group.angles, strict=True):
            sign = SIGNS[joint, angle]
            positive = sign if sign[0].isdigit() else f"+ {sign}"
            rows.append((code(angles_csv_name("<video>", group)), code(column), "°", positive, _FRAMES[joint]))
    return table(("File", "Column", "Unit", "Sign", "Frame"), rows)


def markers() -> str:
    """The 65 markers in file order."""
    return table(
        ("Nr", "Marker", "Place", "From"),
        (
            (str(number), code(name), place(name), "networks" if name in RESPONSE_MARKERS else "video")
            for number, name in enumerate(ALL_MARKERS, start=1)
        ),
    )


def place(name: str) -> str:
    """Where a marker sits, with its side. Raises KeyError for one that is not described."""
    if mirrored(name) == name:
        return PLACES[name]
    return f"{PLACES[name]}, right" if name in PLACES else f"{PLACES[mirrored(name)]}, left"


def quality() -> str:
    """The fields of quality.json."""
    return table(("Field", "Unit", "Meaning"), ((code(field), *about) for field, about in QUALITY.items()))


def summary_columns() -> str:
    """The columns of a batch's summary before the key figures."""
    return table(("Column", "Content"), ((code(name), text) for name, text in SUMMARY_COLUMNS.items()))


def run() -> str:
    """The fields of run.json."""
    return table(("Field", "Meaning"), ((code(field), about) for field, about in RUN.items()))


def stages() -> str:
    """The stages by name."""
    return ", ".join(map(code, get_args(StageName)))


def described(path: str, patterns: Iterable[str]) -> bool:
    """Whether a field (its path with dots) fits one of the patterns."""
    return any(fnmatch(path, pattern) for pattern in patterns)
