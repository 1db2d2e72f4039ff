"""The settings of a server and the figures it publishes, from the code that reads and publishes them."""

from typing import Any, Final

from prometheus_client import REGISTRY
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

import shared.runtime.telemetry  # noqa: F401 -- registers the metrics
from docs.generate.markdown import code, table
from shared.runtime.settings import PREFIX, Settings

_GROUPED_FROM: Final = 100_000
"""Numbers from here are shown in groups of three digits."""


def settings() -> str:
    """Every setting: its environment variable, its default and what it does."""
    schema = Settings.model_json_schema()["properties"]
    return table(
        ("Environment variable", "Default", "Meaning"),
        (
            (code(f"{PREFIX}{name.upper()}"), _default(name), _meaning(name, schema[name]))
            for name in Settings.model_fields
        ),
    )


def metrics() -> str:
    """The metrics of this project that `/metrics` shows."""
    families = [family for family in REGISTRY.collect() if family.name.startswith("humanpose3d")]
    return table(
        ("Metric", "Kind", "Meaning"),
        (
            (code(family.name + "_total" * (family.type == "counter")), family.type, family.documentation)
            for family in families
        ),
    )


def _default(name: str) -> str:
    default = Settings.model_fields[name].default
    if default is PydanticUndefined:
        return "required"
    if name == "models_directory":
        return "the models that ship"
    if isinstance(default, int) and default >= _GROUPED_FROM:
        return code(f"{default:,}".replace(",", " "))
    return "none" if default is None else code(default)


def _meaning(name: str, schema: dict[str, Any]) -> str:
    said = Settings.model_fields[name].description or name.replace("_", " ")
    options = schema.get("enum", [])
    secret = Settings.model_fields[name].annotation == (SecretStr | None)
    return said + (f": {', '.join(map(code, options))}" if options else "") + (" (secret)" if secret else "")
