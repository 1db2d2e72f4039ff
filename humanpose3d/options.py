"""The options of a run and the reports of its stages, as validated models.

`RunOptions` is the only list of options: the command line's flags, the API's form fields and the bus's tasks are all
derived from it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypedDict, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from humanpose3d.errors import InvalidOption
from humanpose3d.language import ENGLISH, Language, Said, Value

StageName = Literal["detector", "refiner.depth", "augmenter", "angles", "refiner.joints", "analysis"]


PoseModel = Literal["lite", "full", "heavy"]


PoseRuntime = Literal["onnx", "mediapipe"]


CsvStyle = Literal["comma", "semicolon"]


TaskOption = Literal["auto", "gait", "squat", "lunge", "sit_to_stand", "jump", "range_of_motion", "none"]


def route(options: "RunOptions") -> tuple[StageName, ...]:
    """The stages of a run, in order. The joint refiner is included where a network for it is given."""
    stages: tuple[StageName, ...] = ("detector", "refiner.depth", "augmenter", "angles")
    joints = options.joint_model_path or options.main_refiner_path
    return (*stages, "refiner.joints", "analysis") if joints else (*stages, "analysis")


_STORED: Final = "stored"
"""Validation context of what an earlier version may have written."""


class Contract(BaseModel):
    """A frozen model that refuses unknown fields from users and ignores those of a neighbouring version."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, values: dict[str, object]) -> Self:
        """Validate; raises InvalidOption with every fault by name, the value given and what is expected."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InvalidOption(dict(_fault(cls, item) for item in error.errors())) from None

    @classmethod
    def read(cls, stored: bytes) -> Self:
        """Parse JSON stored by this version or a neighbouring one; unknown fields are ignored.

        Raises ValueError where it cannot be understood.
        """
        return cls.model_validate_json(stored, extra="ignore", context=_STORED)


def _is_number(contract: type[BaseModel], name: object) -> bool:
    field = contract.model_fields.get(name) if isinstance(name, str) else None
    return field is not None and (field.annotation is float or float in get_args(field.annotation))


def _decimal_point(value: str) -> str:
    """`1,78` as `1.78`: replaces a decimal comma in an otherwise valid number."""
    return value.replace(",", ".") if _DECIMAL_COMMA.fullmatch(value) else value


_DECIMAL_COMMA: Final = re.compile(r"\s*[+-]?\d+,\d+\s*")


_MASS_INDEX: Final = (11.0, 55.0)


class GivenByUser(Contract):
    """What a user typed: numbers may have a decimal comma."""

    @model_validator(mode="before")
    @classmethod
    def _decimal_commas(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        return {
            name: _decimal_point(value) if isinstance(value, str) and _is_number(cls, name) else value
            for name, value in values.items()
        }


PersonRule = Annotated[
    str,
    StringConstraints(pattern=r"^(auto|largest|leftmost|rightmost|[1-9]\d{0,3}|\d+(\.\d*)?,\d+(\.\d*)?@\d+(\.\d*)?)$"),
]
"""Which of several people in view: see `RunOptions.person`."""


class Subject(GivenByUser):
    """The person in the video."""

    height: Annotated[float, Field(ge=0.5, le=2.5, description="standing height in metres, 0.5 to 2.5")]
    weight: Annotated[
        float,
        Field(
            ge=10,
            le=300,
            description="body mass in kilograms, 10 to 300",
            json_schema_extra={"x-plausible-mass-index": list(_MASS_INDEX)},
        ),
    ]

    @property
    def doubt(self) -> str | None:
        """A question to the user where height and weight are unlikely together; None where they are plausible.

        Body mass index below 11 or above 55 kg/m²: beyond what is seen in children and adults (NCD-RisC 2017, Lancet
        390:2627, centiles), but typical of a mistyped digit or a wrong unit.
        """
        index = self.weight / self.height**2
        if _MASS_INDEX[0] <= index <= _MASS_INDEX[1]:
            return None
        return f"{self.weight:g} kg at {self.height:g} m is unusual (body mass index {index:.0f}): is this right?"


_BEFORE: Final = {"main_refiner": False}
"""Options of a stored run that does not state them, where the default has changed since."""


class RunOptions(GivenByUser):
    """Options of a run. The same names everywhere: API field, CLI flag (with dashes), task."""

    estimate_missing: Annotated[
        bool, Field(description="mirror an occluded limb from the visible side and extrapolate the head")
    ] = False
    force_complete: Annotated[
        bool,
        Field(
            description="estimate shank cluster markers and hip joint centres "
            "where the augmentation model returned none"
        ),
    ] = False
    augmentation_cycles: Annotated[
        int, Field(ge=1, le=1000, description="perturbed copies averaged by the marker augmentation")
    ] = 20
    main_refiner: Annotated[bool, Field(description="refine depth with a neural network")] = True
    visibility_min: Annotated[
        float, Field(ge=0, le=1, description="landmarks less visible than this are treated as missing")
    ] = 0.3
    temporal_smoothing: Annotated[
        bool, Field(description="zero-phase low-pass filter over the markers (Butterworth, 6 Hz)")
    ] = False
    plot_all_joint_angles: Annotated[bool, Field(description="write the multi-panel figure of all joint angles")] = (
        False
    )
    plot_landmarks: Annotated[bool, Field(description="write a figure of the landmarks' paths")] = False
    plot_augmented: Annotated[bool, Field(description="write a figure of the augmented markers")] = False
    save_angle_comparison: Annotated[
        bool, Field(description="write a figure of the angles, right against left or before against after refinement")
    ] = False
    show_all_markers: Annotated[bool, Field(description="draw all 65 markers in figures, not only the 22")] = False
    export_preview: Annotated[bool, Field(description="write an MP4 with the landmarks drawn over the video")] = False
    opensim: Annotated[
        bool, Field(description="write the person's scaled OpenSim model and its motion (.osim, _ik.mot)")
    ] = False
    c3d: Annotated[bool, Field(description="write markers, joint angles and events as a C3D file")] = False
    csv_style: Annotated[
        CsvStyle, Field(description="CSV with commas and decimal points, or with semicolons and decimal commas")
    ] = "comma"
    pdf: Annotated[bool, Field(description="write the report as PDF too (needs Chromium or Chrome)")] = False
    language: Annotated[Language, Field(description="language of the report")] = "en"
    blur_faces: Annotated[
        bool,
        Field(
            description="blur the person's face in all output; writes the preview, which then replaces the video on "
            "a server"
        ),
    ] = False
    show_video: Annotated[bool, Field(description="show the detection live in a window (needs a display)")] = False
    depth_model_path: Annotated[str | None, Field(description="another depth refinement model (ONNX)")] = None
    joint_model_path: Annotated[str | None, Field(description="another joint refinement model (ONNX)")] = None
    main_refiner_path: Annotated[str | None, Field(description="another model of both refiners in one (ONNX)")] = None
    norms_path: Annotated[
        str | None, Field(description="norms of gait angles to compare with (CSV, as `humanpose3d norms` writes it)")
    ] = None
    task: Annotated[
        TaskOption, Field(description="what the video shows, for events and key figures; auto: recognised")
    ] = "auto"
    pose_model: Annotated[PoseModel, Field(description="MediaPipe pose landmark model")] = "full"
    pose_runtime: Annotated[
        PoseRuntime,
        Field(description="what runs that model: ONNX Runtime, on a GPU where there is one, or MediaPipe on the CPU"),
    ] = "onnx"
    person: Annotated[
        PersonRule,
        Field(
            description="whom to analyse where several people are in view: auto, largest, leftmost, rightmost, a "
            "number of quality.json, or X,Y@T: a place in the image (pixels, or shares from 0 to 1) at T seconds",
        ),
    ] = "auto"
    focal_length_35mm: Annotated[
        float | None,
        Field(
            ge=8,
            le=400,
            description="focal length of the camera in millimetres, as 35 mm equivalent; default: what the file says",
        ),
    ] = None
    start: Annotated[
        float | None, Field(ge=0, description="analyse from here: seconds from the beginning of the video")
    ] = None
    end: Annotated[float | None, Field(gt=0, description="analyse up to here: seconds from the beginning")] = None
    capture_fps: Annotated[
        float | None,
        Field(
            ge=1,
            le=10_000,
            description="frames a second at which slow motion was recorded; default: the rate at which it plays",
        ),
    ] = None

    neutral: Annotated[
        tuple[float, float] | None,
        WithJsonSchema({"type": "string", "pattern": r"^\s*\d+([.,]\d+)?\s+\d+([.,]\d+)?\s*$"}),
        Field(
            description="from when to when, in seconds, the person stands still in this video: START END; the angles "
            "less their means there get columns of their own"
        ),
    ] = None
    neutral_run: Annotated[
        str | None,
        Field(
            min_length=1,
            description="an earlier run of the same person that states such a time: its folder, over the API its key; "
            "offsets and segment lengths are taken from it",
        ),
    ] = None

    @classmethod
    def of_run(cls, stored: Mapping[str, object]) -> Self:
        """The options of a finished run, from its `run.json`. Raises InvalidOption."""
        return cls.parse({**_BEFORE, **stored})

    @model_validator(mode="before")
    @classmethod
    def _absent_as_before(cls, values: object, info: ValidationInfo) -> object:
        return {**_BEFORE, **values} if info.context == _STORED and isinstance(values, dict) else values

    @field_validator("neutral", mode="before")
    @classmethod
    def _two_times(cls, value: object) -> object:
        if value is None:
            return None
        words = value.split() if isinstance(value, str) else value
        try:
            start, end = (float(_decimal_point(str(word))) for word in words)  # type: ignore[attr-defined]  # caught
        except (TypeError, ValueError):
            start, end = 0.0, 0.0
        if not 0 <= start < end < float("inf"):
            raise ValueError("should be two times in seconds, START before END")
        return start, end

    @field_validator("neutral_run")
    @classmethod
    def _one_stance(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("neutral") is not None:
            raise ValueError("cannot be combined with neutral")
        return value

    @field_validator("end")
    @classmethod
    def _after_the_start(cls, end: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("start")
        if end is not None and start is not None and end <= start:
            raise ValueError(f"should be later than start ({start:g})")
        return end

    @property
    def writes_preview(self) -> bool:
        """Whether a preview is written: requested, or needed as the only video that may be shown."""
        return self.export_preview or self.blur_faces


class RunKeywords(TypedDict, total=False):
    """The fields of `RunOptions` as keyword arguments, so that editors and type checkers know them."""

    estimate_missing: bool
    force_complete: bool
    augmentation_cycles: int
    main_refiner: bool
    visibility_min: float
    temporal_smoothing: bool
    plot_all_joint_angles: bool
    plot_landmarks: bool
    plot_augmented: bool
    save_angle_comparison: bool
    show_all_markers: bool
    export_preview: bool
    blur_faces: bool
    show_video: bool
    depth_model_path: str | None
    joint_model_path: str | None
    main_refiner_path: str | None
    norms_path: str | None
    pose_model: PoseModel
    pose_runtime: PoseRuntime
    task: TaskOption
    focal_length_35mm: float | None
    opensim: bool
    c3d: bool
    csv_style: CsvStyle
    pdf: bool
    language: Language
    person: str
    start: float | None
    end: float | None
    capture_fps: float | None
    neutral: tuple[float, float] | None
    neutral_run: str | None


FocalLengthSource = Literal["option", "35 mm equivalent", "field of view"]
"""Source of the focal length: the user, or a metadata key of the file."""


class VideoFacts(Contract):
    """Properties of the video from container and decoder. Sizes are of the upright image.

    capture_fps   rate at which it was recorded, if the user states it; times, durations and rates are then those of
                  the recording.
    focal_length  as a share of the image's longer side; None where neither the user nor the file states it.
    lens          as described by the camera's maker, where the file contains it.
    """

    width: int
    height: int
    rotation_deg: int
    codec: str
    container: str
    frames: int
    duration_s: float
    average_fps: float
    variable_frame_rate: bool
    frame_interval_min_s: float
    frame_interval_max_s: float
    truncated: bool
    has_audio: bool
    capture_fps: float | None = None
    focal_length: float | None = None
    focal_length_from: FocalLengthSource | None = None
    lens: str | None = None


def focal_length_of_35mm(millimetres: float) -> float:
    """A 35 mm equivalent focal length as a share of the image's longer side.

    A full-frame (35 mm) image is 36 mm wide. Phone makers state the equivalent for the diagonal of a 4:3 image (34.6 mm
    long), video standards for 16:9 (37.7 mm): 36 mm is within 5 % of either. Stabilisation crops up to 20 % of the
    image, which further lengthens the focal length and is not stated in the file.
    """
    return millimetres / 36.0


FOCAL_LENGTH: Final = 0.85

"""Assumed focal length as a share of the image's longer side: a phone's main camera (24–28 mm in 35 mm terms, over
the 34.6 mm long side of a 4:3 image with that diagonal: 0.69–0.81), of which video stabilisation crops 5–20 %, which
lengthens it to 0.73–1.0."""


class Verticals(Contract):
    """Direction of the world's vertical, estimated from upright lines in the image over the whole clip.

    Up is (lateral_slope, -1, forward_slope) in the camera's axes (x right, y down, z away), for a camera of
    FOCAL_LENGTH: `forward_slope` grows in proportion to the true focal length, `lateral_slope` does not.
    forward_slope_sd_deg: its uncertainty from the lines' distribution across the image. looks: number of frames that
    contribute.
    """

    lateral_slope: float
    forward_slope: float
    forward_slope_sd_deg: float = 0.0
    looks: int


class QualityWarning(Contract):
    """A limitation to know before trusting the numbers, in plain language, with what to do about it.

    message           in English.
    template, values  the same for translation (`humanpose3d.language`); empty where an earlier version stored it.
    """

    code: str
    message: str
    template: str = ""
    values: dict[str, Value] = {}

    @property
    def said(self) -> Said:
        """The message, for a `Translator`."""
        return Said(self.template or self.message, self.values)


def warning(code: str, template: str, /, **values: Value) -> QualityWarning:
    """A warning whose text is this template, filled with these values."""
    return QualityWarning(code=code, message=ENGLISH(template, **values), template=template, values=values)


class StageReport(Contract):
    """One stage's part of quality.json and run.json."""

    facts: dict[str, JsonValue] = {}
    warnings: tuple[QualityWarning, ...] = ()
    models: dict[str, str] = {}
    """Model file name → sha256."""


def _fault(contract: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    """Name of the option at fault, and a message for the user."""
    name = str(next(iter(error["loc"]), ""))
    field = contract.model_fields.get(name)
    if field is None:
        return name, f"there is no such option (there are: {', '.join(contract.model_fields)})"
    if error["type"] == "missing":
        return name, f"is required ({field.description})"
    complaint = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return name, f"{complaint}, not {error['input']!r} ({field.description})"
