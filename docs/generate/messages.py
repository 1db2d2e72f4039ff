"""Errors and warnings with the exact messages that users see, extracted from the source.

Variable parts of a message are shown as `…`.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import gateway.errors  # noqa: F401 -- registers its errors
import shared.runtime.local_system  # noqa: F401 -- registers its errors
from docs.generate.markdown import code, table
from humanpose3d import errors
from humanpose3d.language import ENGLISH

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ("humanpose3d", "shared", "services", "gateway", "cli")
CASE: Final = "…"
_PLACE: Final = re.compile(r"\{(\w+):?([^{}]*)\}")

_STAGES: Final = ("detector", "refiner", "augmenter", "angles")
_FOR_PROGRAMMERS: Final = (
    Path("humanpose3d/motion.py"),
    Path("humanpose3d/formats/npz.py"),
    Path("humanpose3d/formats/tables.py"),
)
"""Modules that check only a caller's arrays and a server's internal files."""

_FOR_PROGRAMS: Final = {"superseded", "duplicate-task", "run-changed", "run-exists", "invalid-key", "object-not-found"}
"""Codes used only between workers; users never see them."""


@dataclass(frozen=True)
class Message:
    """A message to the user: its code or class, and its text as a template."""

    name: str
    text: str
    source: Path


def error_classes() -> list[type[errors.HumanPose3DError]]:
    """The tree of errors, including those of gateway and command line, in the order of the source."""

    def below(kind: type[errors.HumanPose3DError]) -> Iterator[type[errors.HumanPose3DError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    ours = (kind for kind in below(errors.HumanPose3DError) if kind.__module__.split(".")[0] in SOURCES)
    return list(dict.fromkeys(ours))


def raised() -> list[Message]:
    """Every raised error that has a message: class and message."""
    names = {kind.__name__ for kind in error_classes()}
    return [
        Message(name, text, path)
        for path, tree in _modules()
        for function in _functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        if (name := _called(node.exc)) in names and node.exc.args
        if (text := _words(node.exc.args[0], function, tree)).strip(f"{CASE}; ")
    ]


def warned() -> list[Message]:
    """Warnings that quality.json may contain: code and message."""
    return [
        Message(*said, path)
        for path, tree in _modules("services")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (said := _warning(node, tree))
    ]


def warnings() -> str:
    """All warnings, in the order of the stages."""
    found = sorted(warned(), key=lambda message: _STAGES.index(_stage(message)))
    return table(
        ("Code", "Stage", "Message, and what to do"),
        ((code(message.name), _stage(message), message.text) for message in found),
    )


def input_errors() -> str:
    """Errors that the user can correct, with all variants of their messages."""
    return _errors(lambda kind: issubclass(kind, errors.InputError))


def other_errors() -> str:
    """All other errors that users see."""
    return _errors(lambda kind: not issubclass(kind, errors.InputError))


def codes() -> str:
    """Code, HTTP status and exit code of every error that the API or the command line reports."""
    kinds = [kind for kind in error_classes() if kind.code not in _FOR_PROGRAMS]
    unique = {kind.code: kind for kind in reversed(kinds)}
    return table(
        ("Code", "HTTP", "Exit code", "Meaning"),
        (
            (code(kind.code), str(kind.status), str(kind.exit_code), _first_line(kind))
            for kind in sorted(unique.values(), key=lambda kind: (kind.status, kind.code))
        ),
    )


def _errors(wanted: Callable[[type[errors.HumanPose3DError]], bool]) -> str:
    texts: dict[str, list[str]] = {}
    for message in raised():
        if message.source not in _FOR_PROGRAMMERS:
            texts.setdefault(message.name, []).append(message.text)
    rows = [
        (code(kind.code), "<br>".join(dict.fromkeys(texts[kind.__name__])))
        for kind in error_classes()
        if wanted(kind) and kind.code not in _FOR_PROGRAMS and kind.__name__ in texts
    ]
    return table(("Code", "Message, and what to do"), rows)


def _first_line(kind: type[errors.HumanPose3DError]) -> str:
    if kind is errors.HumanPose3DError:
        return "An internal error."
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def _modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders or SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions that contain no other function, so that nothing is found twice."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _holds_function(node):
            yield node


def _holds_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) for inner in ast.walk(node) if inner != node)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _warning(call: ast.Call, tree: ast.Module) -> tuple[str, str] | None:
    """Code and message of a call that makes a warning, with the module's constants in their places."""
    if not isinstance(call.func, ast.Name) or call.func.id != "warning":
        return None
    named, template = (ast.literal_eval(argument) for argument in call.args)
    constants = {each.arg: _assigned(each.value.id, tree) for each in call.keywords if isinstance(each.value, ast.Name)}

    def filled(place: re.Match[str]) -> str:
        value = constants.get(place[1])
        number = value.value if isinstance(value, ast.Constant) else None
        return ENGLISH.number(number, place[2] or "g") if isinstance(number, int | float) and number else CASE

    return named, _PLACE.sub(filled, template)


def _words(node: ast.expr, function: ast.AST, tree: ast.Module) -> str:
    """The template of an expression that produces a message."""
    if isinstance(node, ast.Constant):
        return _PLACE.sub(CASE, str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part, function, tree) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _formatted(node, tree)
    if isinstance(node, ast.BinOp):
        return _words(node.left, function, tree) + _words(node.right, function, tree)
    if isinstance(node, ast.Name):
        return _value_of(node.id, function) or _value_of(node.id, tree) or CASE
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return "; ".join(
            f"{_words(key, function, tree)}: {_words(value, function, tree)}" for key, value in pairs if key
        )
    if isinstance(node, ast.Call) and _called(node) == "text":
        return _words(node.args[0], function, tree)
    if isinstance(node, ast.Call) and _called(node) == "join":
        return " ".join(_appended(function, tree))
    return CASE


def _formatted(node: ast.FormattedValue, tree: ast.Module) -> str:
    """A constant of the module, formatted; anything else is variable."""
    value = _assigned(node.value.id, tree) if isinstance(node.value, ast.Name) else None
    if not isinstance(value, ast.Constant) or value.value is None:
        return CASE
    how = (
        node.format_spec.values[0] if isinstance(node.format_spec, ast.JoinedStr) and node.format_spec.values else None
    )
    return format(value.value, str(how.value) if isinstance(how, ast.Constant) else "")


def _value_of(name: str, scope: ast.AST) -> str | None:
    """The text assigned to a name in a scope; None where it is assigned something else."""
    value = _assigned(name, scope)
    text = _words(value, scope, ast.Module([], [])) if value else CASE
    return text if text.strip(CASE) else None


def _assigned(name: str, scope: ast.AST) -> ast.expr | None:
    for node in ast.walk(scope):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            return node.value
    return None


def _appended(function: ast.AST, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _called(node) == "append":
            yield _words(node.args[0], function, tree)


def _stage(message: Message) -> str:
    return message.source.parts[1]
