"""The passes over features, each compiled into a single loop."""

import logging
import shutil
import subprocess
from collections.abc import Sequence
from ctypes import CDLL, c_float, c_int, c_int64, c_void_p
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import UInt8
from torch import Tensor

from medseg.networks.passes import (
    LARGEST,
    Activation,
    End,
    Features,
    Found,
    Passes,
)

_LOGGER = logging.getLogger(__name__)
_SOURCE = Path(__file__).with_suffix(".cpp")
_FLAGS = ("-O2", "-fno-math-errno", "-fopenmp", "-shared", "-fPIC")
_PROCESSORS = {
    "AVX512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"),
    "AVX2": ("-mavx2", "-mfma"),
}
_LONGEST_S = 60
_WIDTH = 16
"""Channels taken at a time in the source."""
_ENDS: dict[End, int] = {torch.amin: 2, torch.amax: 3}
"""Where they are in what the source finds."""
_ROWS = (c_int64, c_int64, c_int)
_FUNCTIONS = {
    "medseg_found": (c_void_p, *_ROWS, c_void_p),
    "medseg_stored": (c_void_p, c_void_p, *_ROWS, c_void_p),
    "medseg_added": (c_void_p, c_void_p, *_ROWS, c_void_p),
    "medseg_activate": (c_void_p, *_ROWS, c_void_p, c_void_p, c_float),
    "medseg_encode": (
        *(c_void_p, c_void_p, *_ROWS),
        *(c_void_p, c_void_p, c_float, c_float, c_float),
    ),
}


@cache
def fused_passes() -> "FusedPasses | None":
    """Compiled within about a second; None, and a line in the log, where that fails."""
    if shutil.which("g++") is None:
        _LOGGER.warning("no g++ found: inference without compiled passes")
        return None
    try:
        return FusedPasses(_built())
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        said = str(error)
        if isinstance(error, subprocess.CalledProcessError):
            said = error.stderr.strip() or said
        _LOGGER.warning("going on without compiled passes: %s", said.splitlines()[0])
        return None


class FusedPasses(Passes):
    """Of bfloat16 and many channels; PyTorch's operations for all else.

    Args:
        library: With the functions.
    """

    def __init__(self, library: CDLL) -> None:
        for name, types in _FUNCTIONS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = types, None
        self._library = library

    def found(self, slab: Features, ends: Sequence[End]) -> Found:
        """Look at a slab."""
        if not _all_fit(slab):
            return super().found(slab, ends)
        numbers = torch.empty(4, slab.shape[1])
        address = numbers.data_ptr()
        self._library.medseg_found(slab.data_ptr(), *_rows(slab), address)
        return _asked_for(slab, numbers, ends)

    def stored(self, slab: Features, place: Features, ends: Sequence[End]) -> Found:
        """Copy a slab to its place, and look at it."""
        if not _all_fit(slab, place):
            return super().stored(slab, place, ends)
        numbers = torch.empty(4, slab.shape[1])
        addresses = slab.data_ptr(), place.data_ptr()
        self._library.medseg_stored(*addresses, *_rows(slab), numbers.data_ptr())
        return _asked_for(slab, numbers, ends)

    def added(self, slab: Features, place: Features, ends: Sequence[End]) -> Found:
        """Add a slab to what is at its place, and look at the sum."""
        if not _all_fit(slab, place):
            return super().added(slab, place, ends)
        numbers = torch.empty(4, slab.shape[1])
        addresses = slab.data_ptr(), place.data_ptr()
        self._library.medseg_added(*addresses, *_rows(slab), numbers.data_ptr())
        return _asked_for(slab, numbers, ends)

    def activate(self, features: Features, activation: Activation) -> None:
        """Overwrite features with what they become."""
        if not _all_fit(features):
            super().activate(features, activation)
            return
        factor, offset = _affine(activation)
        self._library.medseg_activate(
            *(features.data_ptr(), *_rows(features)),
            *(factor.data_ptr(), offset.data_ptr(), activation.slope),
        )

    def encode(
        self,
        features: Features,
        activation: Activation,
        zero: int,
        codes: UInt8[Tensor, "1 channel i j k"],
    ) -> None:
        """Write what features become as whole numbers, from `zero` on, to `LARGEST`."""
        is_place = codes.shape == features.shape and _is_in_rows(codes)
        if not (is_place and _all_fit(features)):
            super().encode(features, activation, zero, codes)
            return
        factor, offset = _affine(activation)
        self._library.medseg_encode(
            *(features.data_ptr(), codes.data_ptr(), *_rows(features)),
            *(factor.data_ptr(), offset.data_ptr(), activation.slope, zero, LARGEST),
        )


def _built() -> CDLL:
    """The source as a library, whose file is not kept.

    Raises:
        OSError: When there is no room, or the library cannot be loaded.
        subprocess.SubprocessError: When the compiler fails, or does not end.
    """
    of_processor = _PROCESSORS.get(torch.backends.cpu.get_cpu_capability(), ())
    with TemporaryDirectory(prefix="medseg-", ignore_cleanup_errors=True) as folder:
        made = Path(folder) / "passes.so"
        subprocess.run(  # noqa: S603 - the compiler of whoever calls, our source
            ["g++", *_FLAGS, *of_processor, str(_SOURCE), "-o", str(made)],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
        )
        return CDLL(str(made))


def _all_fit(*features: Features) -> bool:
    """Whether the compiled functions are for such features, all of one shape."""
    return all(
        each.dtype is torch.bfloat16
        and each.shape == features[0].shape
        and each.shape[1] % _WIDTH == 0
        and _is_in_rows(each)
        for each in features
    )


def _is_in_rows(features: Tensor) -> bool:
    """Whether the channels of a voxel, and then the voxels, follow one another."""
    return features.permute(0, 2, 3, 4, 1).is_contiguous()


def _rows(features: Features) -> tuple[int, int, int]:
    """Voxels, channels and threads."""
    channels = features.shape[1]
    return features.numel() // channels, channels, torch.get_num_threads()


def _affine(activation: Activation) -> tuple[Tensor, Tensor]:
    """Factor and offset of each channel, in float32."""
    factor = activation.weight / torch.sqrt(activation.variance + activation.eps)
    offset = activation.bias - activation.mean * factor
    return factor.float().contiguous(), offset.float().contiguous()


def _asked_for(slab: Features, numbers: Tensor, ends: Sequence[End]) -> Found:
    mean, variance, *_ = numbers
    given = tuple(numbers[_ENDS[of]] for of in ends)
    return Found(slab.shape[2], mean, variance, given)
