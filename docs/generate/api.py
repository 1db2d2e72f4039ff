"""The API, from the gateway's own OpenAPI document."""

import tempfile
from pathlib import Path
from typing import Any, Final

from docs.generate.markdown import code, table
from gateway.app import create_app
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.settings import Settings
from shared.runtime.store import open_store

_METHODS: Final = ("get", "post", "patch", "put", "delete")


def document() -> dict[str, Any]:
    """The OpenAPI document that the gateway serves at /openapi.json."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(nats_url="nats://127.0.0.1:4222", store_directory=Path(folder))
        return create_app(settings, MemoryBus(), open_store(settings)).openapi()


def calls() -> str:
    """Every call with its parameters, form fields and answers."""
    described = document()
    return "\n\n".join(
        _call(method, path, operation, described)
        for path, operations in sorted(described["paths"].items())
        for method, operation in operations.items()
        if method in _METHODS and not path.startswith("/static")
    )


def _call(method: str, path: str, operation: dict[str, Any], described: dict[str, Any]) -> str:
    parts = [f"### {method.upper()} {path}", operation.get("description", operation.get("summary", ""))]
    if parameters := operation.get("parameters"):
        parts.append(table(("Parameter", "In", "Type", "Default"), map(_parameter, parameters)))
    if form := operation.get("requestBody", {}).get("content", {}).get("multipart/form-data"):
        parts.append(_fields(_resolved(form["schema"], described)))
    parts.append(
        table(
            ("Status", "Answer"),
            (_answer(status, answer, described) for status, answer in sorted(operation["responses"].items())),
        )
    )
    return "\n\n".join(parts)


def _parameter(parameter: dict[str, Any]) -> tuple[str, ...]:
    schema = parameter["schema"]
    required = " (required)" if parameter.get("required") else ""
    default = schema.get("default")
    return code(parameter["name"]) + required, parameter["in"], _type(schema), "" if default is None else code(default)


def _fields(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    return table(
        ("Form field", "Type", "Meaning"),
        (
            (code(name) + (" (required)" if name in required else ""), _type(field), field.get("description", ""))
            for name, field in schema["properties"].items()
        ),
    )


def _answer(status: str, answer: dict[str, Any], described: dict[str, Any]) -> tuple[str, str]:
    for kind, content in answer.get("content", {}).items():
        schema = content.get("schema", {})
        if "$ref" in schema:
            resolved = _resolved(schema, described)
            name = schema["$ref"].rsplit("/", 1)[-1]
            fields = ", ".join(map(code, resolved.get("properties", {})))
            return status, f"{name}: {fields}" if name != "ProblemDetails" else "a [problem](#problems)"
        return status, code(kind)
    return status, answer.get("description", "")


def _resolved(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def _type(schema: dict[str, Any]) -> str:
    kinds = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    names = [_one_type(part) for part in kinds]
    return " or ".join(dict.fromkeys(names)) or "any"


def _one_type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if schema.get("format") == "binary":
        return "file"
    return str(schema.get("type", "any"))
