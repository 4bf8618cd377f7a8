"""The process that decodes compressed pixels, so that a crash in there is not ours.

The C libraries that decode JPEG and its relatives crash, hang or take all memory on
hostile files. `medseg.io.dicom.decoding` starts this module in a process of its own and
talks to it over its standard input and output:

* a request is the length of a JSON text and the text: the path and frame numbers;
* an answer is an `Answer` and what belongs to it: for `PICTURE` a `PICTURE_HEADER`
  and the pixels in native byte order, for `REFUSED` a system error number.
"""

import json
import os
import signal
import struct
import sys
import zlib
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom.errors import BytesLengthException
from pydicom.pixels.utils import iter_pixels

from medseg.io.child_memory import limit_memory
from medseg.io.dicom.damage import quiet_pydicom

LENGTH = struct.Struct("<I")
PICTURE_HEADER = struct.Struct("<4sII")
"""Data type as numpy names it ("int16" is `i2`), rows, columns."""

DECODING_FAILURES = (
    *(ValueError, RuntimeError, AttributeError, EOFError, OSError, KeyError),
    *(TypeError, IndexError, ArithmeticError, NotImplementedError),
    *(struct.error, zlib.error, BytesLengthException),
)
"""What pydicom and its decoders raise on damaged pixels."""

_ALARM_DELAY_S = 5


class Answer(Enum):
    """What the first byte of an answer means."""

    READY = b"r"
    PICTURE = b"p"
    DAMAGED = b"d"
    NO_MEMORY = b"m"
    REFUSED = b"o"


def main() -> None:
    """Answer requests until the input ends.

    Arguments of the process: most bytes it may take, most seconds for a picture.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with Path(os.devnull).open("wb") as nowhere:  # decoders print there
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    limit_memory(int(sys.argv[1]))
    _send(answers, Answer.READY)
    requests = sys.stdin.buffer
    while length := requests.read(LENGTH.size):
        path, frames = json.loads(requests.read(*LENGTH.unpack(length)))
        _answer(answers, Path(path), frames, float(sys.argv[2]))


def _answer(
    answers: BinaryIO, path: Path, frames: Sequence[int], seconds: float
) -> None:
    try:
        with quiet_pydicom():
            _set_alarm(seconds)
            pictures = iter_pixels(path, indices=frames, raw=True)
            for _, picture in zip(frames, pictures, strict=False):
                _send_picture(answers, picture)
                _set_alarm(seconds)
        _set_alarm(0)
    except MemoryError:
        _send(answers, Answer.NO_MEMORY)
    except DECODING_FAILURES as error:
        if isinstance(error, OSError) and error.errno is not None:
            _send(answers, Answer.REFUSED, LENGTH.pack(error.errno))
        else:
            _send(answers, Answer.DAMAGED)


def _send_picture(answers: BinaryIO, picture: np.ndarray) -> None:
    if picture.ndim != 2:
        raise ValueError("a slice has one number a pixel")
    native = np.ascontiguousarray(picture, picture.dtype.newbyteorder("="))
    kind = f"{native.dtype.kind}{native.dtype.itemsize}".encode()
    _send(answers, Answer.PICTURE, PICTURE_HEADER.pack(kind, *native.shape))
    answers.write(native.data)
    answers.flush()


def _send(answers: BinaryIO, answer: Answer, more: bytes = b"") -> None:
    answers.write(answer.value + more)
    answers.flush()


def _set_alarm(seconds: float) -> None:
    """End this process when it hangs and nobody is left to end it."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds + _ALARM_DELAY_S if seconds else 0)
