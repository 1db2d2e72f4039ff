"""Tiny networks as ONNX files, written byte by byte, so that tests of inference do not need the package onnx.

The layout is that of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Shape = Sequence[int | str]
Node = tuple[str, Sequence[str], str]
"""Operator, input names, output name."""


def write_network(
    path: Path,
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    nodes: Sequence[Node],
    constants: Mapping[str, float] | None = None,
) -> Path:
    """Write a network of float inputs and outputs; `constants` are scalars that the nodes may name."""
    graph = b"".join(_message(1, _node(node)) for node in nodes) + _text(2, "test")
    graph += b"".join(_message(5, _scalar(name, value)) for name, value in (constants or {}).items())
    graph += b"".join(_message(11, _value(name, shape)) for name, shape in inputs.items())
    graph += b"".join(_message(12, _value(name, shape)) for name, shape in outputs.items())
    path.write_bytes(_number(1, 8) + _message(7, graph) + _message(8, _number(2, 18)))
    return path


def _node(node: Node) -> bytes:
    operator, inputs, output = node
    return b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, operator)


def _scalar(name: str, value: float) -> bytes:
    return _number(2, 1) + _text(8, name) + _message(9, np.float32(value).tobytes())


def _value(name: str, shape: Shape) -> bytes:
    sizes = b"".join(_message(1, _number(1, size) if isinstance(size, int) else _text(2, size)) for size in shape)
    tensor = _number(1, 1) + _message(2, sizes)
    return _text(1, name) + _message(2, _message(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
