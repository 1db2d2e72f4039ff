import subprocess
import sys
from typing import get_type_hints

import pytest

import humanpose3d
from humanpose3d import errors
from humanpose3d.notes import NotesKeywords, RunNotes
from humanpose3d.options import RunKeywords, RunOptions

NAMES = {
    *("run", "Client", "read_run", "read_trc", "read_angles", "Markers", "JointAngles", "Landmarks", "Results"),
    *("HumanPose3DError", "InputError", "VideoNotFound", "UnreadableVideo", "NoVideoStream", "VideoTooShort"),
    *(
        "VideoTooLarge",
        "NoPerson",
        "NoPersonDetected",
        "RarelyDetected",
        "InvalidOption",
        "InvalidMotion",
        "OutputNotWritable",
    ),
    *("ModelError", "ModelNotFound", "ModelCorrupt", "Cancelled", "StageCrashed", "ApiError", "RunFailed"),
}


def test_the_public_names_are_these():
    assert set(humanpose3d.__all__) == NAMES
    assert dir(humanpose3d) == sorted(humanpose3d.__all__)
    for name in NAMES:
        assert getattr(humanpose3d, name).__name__ == name


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        humanpose3d.walk  # noqa: B018


def test_the_import_alone_loads_no_other_package():
    code = "import sys; before = set(sys.modules); import humanpose3d; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "pydantic", "httpx"}.isdisjoint(done.stdout.split())


def test_the_keywords_are_the_options():
    assert get_type_hints(RunKeywords) == {name: field.annotation for name, field in RunOptions.model_fields.items()}
    assert get_type_hints(NotesKeywords).keys() == RunNotes.model_fields.keys()


def test_every_error_a_run_can_end_in_is_public():
    for kind in _below(errors.InputError):
        assert kind.__name__ in NAMES or kind in (errors.InvalidSetting, errors.InvalidKey)  # a server's alone


@pytest.mark.parametrize("kind", [errors.VideoNotFound, errors.RarelyDetected, errors.ModelCorrupt, errors.Cancelled])
def test_an_error_of_another_process_has_its_class_and_its_words(kind):
    error = errors.of_code(kind.code, "Do this.", {})
    assert (type(error), str(error)) == (kind, "Do this.")


def test_an_invalid_option_of_another_process_has_its_errors():
    error = errors.of_code("invalid-option", "…", {"height": "too tall"})
    assert isinstance(error, errors.InvalidOption)
    assert error.faults == {"height": "too tall"}


def test_an_unknown_code_is_an_error_of_the_tree():
    assert type(errors.of_code("of-a-later-version", "Do this.", {})) is errors.HumanPose3DError


def test_codes_are_unique():
    codes = [kind.code for kind in _below(errors.HumanPose3DError)]
    assert len(codes) == len(set(codes)) > 20


def _below(kind: type[errors.HumanPose3DError]) -> list[type[errors.HumanPose3DError]]:
    """The classes of `humanpose3d.errors`; other modules define more."""
    ours = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [found for child in ours for found in (child, *_below(child))]
