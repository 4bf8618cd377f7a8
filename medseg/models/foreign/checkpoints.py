"""PyTorch checkpoints of other tools, opened where they can do no harm."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.models.foreign.archives import require_uncompressed
from medseg.models.foreign.checkpoint_child import (
    ANSWER_FILE,
    MOST_ANSWER_BYTES,
    TENSORS_FILE,
)
from medseg.models.foreign.texts import one_line

_START = (  # with the modules that are found here
    "import sys; sys.path[:] = sys.argv[5:]; "
    "from medseg.models.foreign import checkpoint_child; checkpoint_child.main()"
)
_SPARE_BYTES = 2 * 2**30
_COPIES = 4
_LONGEST_REASON = 200
_ZIP_MAGIC = b"PK\3\4"


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        tensors: By name; the same tensor where a file names it twice.
        values: Its numbers, texts, lists and tables; tensors and objects are None.
    """

    tensors: dict[str, Tensor]
    values: dict[str, Any]


def read_checkpoint(file: Path, part: str = "", seconds: float = 600.0) -> Checkpoint:
    """Open a checkpoint, in a process of its own, as tensors and plain values.

    Nothing in it is run: only PyTorch's tensors and NumPy's numbers are built.

    Args:
        file: As `torch.save` writes it since PyTorch 1.6.
        part: Key of the table of tensors; empty when they lie at the top.
        seconds: Longest time it may take.

    Raises:
        UnusableInput: UNSAFE_CHECKPOINT when it names other objects; DAMAGED_MODEL
            when it cannot be read; NOT_FOUND; UNSAFE_ARCHIVE.
    """
    _require_zip(file)
    require_uncompressed(file)
    with tempfile.TemporaryDirectory() as folder:
        _run_child(file, Path(folder), part, seconds)
        answer = _answer_in(Path(folder), file)
        if forbidden := answer.get("forbidden"):
            named = ", ".join(one_line(name) for name in forbidden)
            raise UnusableInput(
                ErrorCode.UNSAFE_CHECKPOINT,
                f"it would run code when opened: it names {named}",
                where=file,
                remedy="Have its maker save it again as tensors and plain values.",
            )
        if damage := answer.get("damage"):
            raise damaged_checkpoint(file, one_line(damage, _LONGEST_REASON))
        tensors = load_file(Path(folder) / TENSORS_FILE)
    tensors |= {name: tensors[same] for name, same in answer["aliases"].items()}
    return Checkpoint(tensors=tensors, values=answer["values"])


def damaged_checkpoint(file: Path, what: str) -> UnusableInput:
    """The error for a checkpoint that cannot be used."""
    return UnusableInput(
        ErrorCode.DAMAGED_MODEL,
        f"the checkpoint cannot be used: {what}",
        where=file,
        remedy="Copy or download it again.",
    )


def _require_zip(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            magic = stream.read(len(_ZIP_MAGIC))
    except FileNotFoundError:
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "there is no such checkpoint",
            where=file,
            remedy="Give a folder with its checkpoints.",
        ) from None
    except OSError as error:
        raise damaged_checkpoint(file, error.strerror or "not readable") from None
    if magic != _ZIP_MAGIC:
        raise damaged_checkpoint(
            file, "it is not one of PyTorch 1.6 or later (a zip file)"
        )


def _run_child(file: Path, folder: Path, part: str, seconds: float) -> None:
    if getattr(sys, "frozen", False) or not sys.executable:
        raise damaged_checkpoint(file, "no Python interpreter to open it with")
    memory_bytes = _SPARE_BYTES + _COPIES * file.stat().st_size
    words = [str(file.absolute()), str(folder), str(memory_bytes), part, *sys.path]
    try:
        subprocess.run(  # noqa: S603 - this interpreter, our own words
            [sys.executable, "-P", "-c", _START, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise damaged_checkpoint(file, f"it takes more than {seconds:g} s") from None
    except OSError as error:
        what = f"no process to open it in: {error.strerror or error}"
        raise damaged_checkpoint(file, what) from None


def _answer_in(folder: Path, file: Path) -> dict[str, Any]:
    """What the process found; a process without an answer has died over the file."""
    path = folder / ANSWER_FILE
    if not path.is_file():
        raise damaged_checkpoint(file, "the process that opened it died")
    if path.stat().st_size > MOST_ANSWER_BYTES:
        raise damaged_checkpoint(file, "it holds more values than can be needed")
    answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return answer
