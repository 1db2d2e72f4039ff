"""Parts of forms as OpenAPI: the contracts' own fields."""

from humanpose3d.notes import RunNotes
from humanpose3d.options import RunOptions, Subject


def person_schema() -> dict[str, object]:
    """The fields about the person, the notes and the options."""
    properties: dict[str, object] = {}
    for contract in (Subject, RunNotes, RunOptions):
        properties |= contract.model_json_schema()["properties"]
    return properties
