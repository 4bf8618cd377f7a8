"""The process that opens a PyTorch checkpoint, so that what happens there stays there.

A checkpoint is a pickle. PyTorch's own restricted reader builds tensors and plain
values out of it and nothing else; the numbers and data types of NumPy, which trainers
write too, are allowed beside them. `medseg.models.foreign.checkpoints` starts this
module in a process of its own; the answer lies in a folder: `ANSWER_FILE` and, if the
checkpoint can be used, `TENSORS_FILE`.
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from medseg.io.child_memory import limit_memory

ANSWER_FILE = "answer.json"
TENSORS_FILE = "tensors.safetensors"

MOST_ANSWER_BYTES = 64 * 2**20

_DEEPEST = 20
_MOST_VALUES, _MOST_VALUES_AN_ENTRY = 100_000, 20_000
_SIGNS_A_VALUE = 64
_LARGEST_NUMBER = 2**63
_MOST_NAMES, _LONGEST_NAME = 3, 100
_PLAIN_KINDS = "biuf"
_NUMPY_TYPES = (
    *("bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"),
)
_FAILURES = (
    *(pickle.UnpicklingError, RuntimeError, ValueError, TypeError, AttributeError),
    *(LookupError, EOFError, OSError, ArithmeticError, AssertionError),
)
"""What PyTorch raises on a damaged checkpoint."""


def main() -> None:
    """Open one checkpoint and write what it holds.

    Arguments of the process: the checkpoint, the folder for the answer, most bytes it
    may take, and the key under which the tensors lie (empty: at the top).
    """
    checkpoint, folder = Path(sys.argv[1]), Path(sys.argv[2])
    limit_memory(int(sys.argv[3]))
    try:
        answer = _answer(checkpoint, folder, sys.argv[4])
    except MemoryError:
        answer = {"damage": "it takes too much memory"}
    except _FAILURES as error:
        answer = {"damage": " ".join(str(error).split())[:200] or type(error).__name__}
    unfinished = folder / "unfinished.json"
    unfinished.write_text(json.dumps(answer), encoding="utf-8")
    unfinished.rename(folder / ANSWER_FILE)


def _answer(checkpoint: Path, folder: Path, part: str) -> dict[str, Any]:
    with torch.serialization.safe_globals(_allowed()):
        forbidden = torch.serialization.get_unsafe_globals_in_checkpoint(checkpoint)
        if forbidden:
            names = [name[:_LONGEST_NAME] for name in sorted(forbidden)]
            return {"forbidden": names[:_MOST_NAMES]}
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        return {"damage": "it holds no table of names"}
    held = content.get(part) if part else content
    if not isinstance(held, dict):
        return {"damage": f"it holds no {part}"}
    tensors = {
        _name(name): tensor.detach()
        for name, tensor in held.items()
        if isinstance(tensor, torch.Tensor)
    }
    aliases = _without_copies(tensors, checkpoint.stat().st_size)
    save_file(
        {name: t.contiguous().clone() for name, t in tensors.items()},
        folder / TENSORS_FILE,
    )
    return {"aliases": aliases, "values": _values(content)}


def _without_copies(
    tensors: dict[str, torch.Tensor], most_bytes: int
) -> dict[str, str]:
    """Take out every tensor that is another one under a second name.

    Returns:
        Second name and the one that stays.

    Raises:
        ValueError: For tensors that are not plain arrays, or more than the file holds.
    """
    first: dict[tuple[object, ...], str] = {}
    aliases: dict[str, str] = {}
    total = 0
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise ValueError(f"{name} is no plain array")
        same = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if tensor.numel() and same in first:
            aliases[name] = first[same]
            continue
        first[same] = name
        total += tensor.numel() * tensor.element_size()
    if total > most_bytes:
        raise ValueError("its tensors claim to be larger than the file")
    for name in aliases:
        del tensors[name]
    return aliases


def _values(content: dict[Any, Any]) -> dict[str, Any]:
    """Of each entry numbers, texts, lists and tables; None where they are too many.

    Raises:
        ValueError: When there are too many in all entries together.
    """
    left = _MOST_VALUES
    values: dict[str, Any] = {}
    for key, entry in content.items():
        counter = _Counter(_MOST_VALUES_AN_ENTRY)
        name = str(counter.plain(_name(key), 0))
        try:
            values[name] = counter.plain(entry, _DEEPEST)
            left -= counter.counted
        except _TooManyError:
            values[name] = None
            left -= 1
        if left < 0:
            raise ValueError(f"it holds more than {_MOST_VALUES:,} values")
    return values


def _name(key: Any) -> str:
    """A table's key as a text; of a tuple, which may be endless, its kind alone."""
    return str(key) if isinstance(key, str | int | float) else type(key).__name__


class _TooManyError(Exception):
    """An entry holds more values than anything that is needed of a checkpoint."""


class _Counter:
    """Makes plain values and counts them: one may stand at many places of a file."""

    def __init__(self, most: int) -> None:
        self.counted = 0
        self._most = most

    def plain(self, content: Any, depth: int) -> Any:
        """Numbers, texts, lists and tables as JSON has them; anything else is None."""
        self.counted += 1
        if isinstance(content, str):
            self.counted += len(content) // _SIGNS_A_VALUE
        if self.counted > self._most:
            raise _TooManyError
        if isinstance(content, np.generic):
            content = content.item()
        if isinstance(content, bool | float | str):
            return content
        if isinstance(content, int):
            return content if abs(content) < _LARGEST_NUMBER else None
        if depth == 0:
            return None
        if isinstance(content, dict):
            return {
                str(self.plain(_name(key), 0)): self.plain(value, depth - 1)
                for key, value in content.items()
            }
        if isinstance(content, list | tuple):
            return [self.plain(value, depth - 1) for value in content]
        return None


def _allowed() -> list[Any]:
    """Classes and functions that a checkpoint may name beside PyTorch's own."""
    kinds = {type(np.dtype(name)) for name in _NUMPY_TYPES}
    scalar = "multiarray.scalar"
    return [
        np.dtype,
        *kinds,
        (_number, f"numpy._core.{scalar}"),
        (_number, f"numpy.core.{scalar}"),
    ]


def _number(dtype: np.dtype[Any], content: bytes) -> np.generic:
    """A NumPy number out of its bytes: in place of NumPy's own function."""
    if dtype.kind not in _PLAIN_KINDS or len(content) != dtype.itemsize:
        raise ValueError(f"{dtype} is no number")
    value: np.generic = np.frombuffer(content, dtype)[0]
    return value
