"""The options of a run, from the contracts."""

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.generate.markdown import code, table
from humanpose3d.notes import RunNotes
from humanpose3d.options import RunOptions, Subject


def subject() -> str:
    """Height and weight."""
    return table(
        ("Command line", "API field", "Unit", "Meaning"),
        (
            (_flag(name) + (" or `--mass`" if name == "weight" else ""), code(name), unit, field.description or "")
            for (name, field), unit in zip(Subject.model_fields.items(), ("m", "kg"), strict=True)
        ),
    )


def notes() -> str:
    """All of RunNotes."""
    return table(
        ("Command line", "API field", "Meaning"),
        ((_flag(name), code(name), field.description or "") for name, field in RunNotes.model_fields.items()),
    )


def run_options() -> str:
    """All of RunOptions."""
    return table(
        ("Command line", "API field", "Values", "Default", "Meaning"),
        (
            (_flag(name), code(name), values(RunOptions, name), _default(field), field.description or "")
            for name, field in RunOptions.model_fields.items()
        ),
    )


def values(contract: type[BaseModel], name: str) -> str:
    """What a field takes, in words."""
    schema: dict[str, Any] = contract.model_json_schema()["properties"][name]
    parts = [schema, *schema.get("anyOf", [])]
    kind = next((part["type"] for part in parts if "type" in part), "")
    if "enum" in schema:
        return ", ".join(code(choice) for choice in schema["enum"])
    if kind == "boolean":
        return "on, off"
    if kind == "string":
        return "file name" if name.endswith("_path") else "text"
    low, high = (next((part[end] for part in parts if end in part), None) for end in ("minimum", "maximum"))
    return f"{low:g} to {high:g}" if low is not None and high is not None else "number"


def _flag(name: str) -> str:
    return code("--" + name.replace("_", "-"))


def _default(field: FieldInfo) -> str:
    if field.default is None:
        return "none"
    if isinstance(field.default, bool):
        return "on" if field.default else "off"
    return code(field.default)
