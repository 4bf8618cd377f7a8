"""Cohorts of small scans among which some are what no scan should be."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import nibabel as nib
import numpy as np

from medseg.core.errors import ErrorCode
from tests.core.making import LABELS

AFFINE = np.diag([-1.0, -1.0, 1.5, 1.0])
SHAPE = (24, 20, 16)
HEADER_BYTES = 352
BOMB_BYTES = 2**30
LIST = "cases.csv"

MakeImage = Callable[[np.random.Generator], bytes]


class Fate(StrEnum):
    """What happens to the process that reads a case: no file does that on demand."""

    CRASH = "crash"
    HANG = "hang"


FATES = {Fate.CRASH: ErrorCode.WORKER_DIED, Fate.HANG: ErrorCode.TIMED_OUT}


@dataclass(frozen=True)
class Cohort:
    """Where the scans lie, and what must become of each.

    Attributes:
        folder: With the list of cases, `images` and `references`.
        good: Names of the cases that must be done.
        bad: The code that every other case must be refused with.
        fates: Cases that end or block the process that reads them.
    """

    folder: Path
    good: tuple[str, ...]
    bad: dict[str, ErrorCode]
    fates: dict[str, Fate]

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted([*self.good, *self.bad]))

    @property
    def listed(self) -> Path:
        return self.folder / LIST

    @property
    def fates_file(self) -> Path:
        return self.folder / "fates.json"


def make_cohort(folder: Path, count: int, seed: int = 0) -> Cohort:
    """Scans of noise with references; every hazard once, the others good.

    What ends or blocks a process is among the first tenth, or the first ten, so that
    the same processes do all the others and their memory can be followed.
    """
    rng = np.random.default_rng(seed)
    names = _names(count)
    early = rng.choice(max(10, count // 10), len(FATES), replace=False)
    fates = {names[at]: fate for at, fate in zip(early, Fate, strict=True)}
    others = [name for name in names if name not in fates]
    chosen = rng.permutation(others)[: len(FILES)].tolist()
    return _made(folder, names, fates, dict(zip(chosen, FILES, strict=True)), rng)


def make_good_cohort(folder: Path, count: int, fates: Mapping[str, Fate]) -> Cohort:
    """Good scans, of which some end or block the process that reads them."""
    return _made(folder, _names(count), fates, {}, np.random.default_rng(0))


def _names(count: int) -> list[str]:
    return [f"case-{number:04d}" for number in range(count)]


def _made(
    folder: Path,
    names: Sequence[str],
    fates: Mapping[str, Fate],
    files: Mapping[str, tuple[MakeImage, ErrorCode]],
    rng: np.random.Generator,
) -> Cohort:
    for each in ("images", "references"):
        (folder / each).mkdir(parents=True)
    for name in names:
        make, _ = files.get(name, (scan, None))
        (folder / f"images/{name}.nii.gz").write_bytes(make(rng))
        _write_reference(folder / f"references/{name}.nii.gz", rng)
    rows = [
        f"{name},images/{name}.nii.gz,references/{name}.nii.gz,p{at // 2},site {at % 3}"
        for at, name in enumerate(names)
    ]
    lines = ["case,image,reference,patient,centre", *rows]
    (folder / LIST).write_text("\n".join(lines) + "\n")
    bad = {name: FATES[fate] for name, fate in fates.items()}
    bad |= {name: code for name, (_, code) in files.items()}
    good = tuple(name for name in names if name not in bad)
    made = Cohort(folder=folder, good=good, bad=bad, fates=dict(fates))
    made.fates_file.write_text(json.dumps(made.fates))
    return made


def read_fates(folder: Path) -> dict[str, Fate]:
    """What `make_cohort` has written beside the list of cases."""
    fates = json.loads((folder / "fates.json").read_text())
    return {name: Fate(fate) for name, fate in fates.items()}


def scan(rng: np.random.Generator) -> bytes:
    """A good one."""
    return packed(_image(_noise(rng)).to_bytes())


def packed(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def _noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(50, 20, SHAPE).astype(np.int16)


def _image(array: np.ndarray) -> nib.Nifti1Image:
    return nib.Nifti1Image(array, AFFINE)


def _write_reference(path: Path, rng: np.random.Generator) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    for label in LABELS.ids:
        corner = rng.integers(0, 8, 3)
        labels[tuple(slice(at, at + 8) for at in corner)] = label
    path.write_bytes(packed(_image(labels).to_bytes()))


def _cut_short(rng: np.random.Generator) -> bytes:
    return scan(rng)[:-200]


def _cut_unpacked(rng: np.random.Generator) -> bytes:
    return _image(_noise(rng)).to_bytes()[:-1]


def _cut_in_header(rng: np.random.Generator) -> bytes:
    return packed(_image(_noise(rng)).to_bytes()[:200])


def _nothing(_rng: np.random.Generator) -> bytes:
    return b""


def _garbage(rng: np.random.Generator) -> bytes:
    return b"\x1f\x8b" + rng.bytes(5000)


def _other_file(rng: np.random.Generator) -> bytes:
    return rng.bytes(5000)


def _wrong_magic(rng: np.random.Generator) -> bytes:
    return packed(_image(_noise(rng)).to_bytes().replace(b"n+1", b"x-1"))


def _wrong_checksum(rng: np.random.Generator) -> bytes:
    content = bytearray(scan(rng))
    content[-8] ^= 1
    return bytes(content)


def _unknown_voxels(rng: np.random.Generator) -> bytes:
    content = bytearray(_image(_noise(rng)).to_bytes())
    content[70:72] = (77).to_bytes(2, "little")  # datatype
    return packed(bytes(content))


def _not_a_number(rng: np.random.Generator) -> bytes:
    values = _noise(rng).astype(np.float32)
    values[3, 4, 5] = np.nan
    return packed(_image(values).to_bytes())


def _bomb(rng: np.random.Generator) -> bytes:
    """One megabyte that unpacks to a thousand times as much."""
    return packed(_image(_noise(rng)).to_bytes() + bytes(BOMB_BYTES))


def _with_affine(rng: np.random.Generator, affine: np.ndarray) -> bytes:
    header = nib.Nifti1Header()
    header.set_sform(affine, 1)
    header.set_qform(None, 0)
    return _with_header(rng, header)


def _with_header(rng: np.random.Generator, header: nib.Nifti1Header) -> bytes:
    """As it is, which nibabel's own images see to that it is not."""
    values = _noise(rng)
    header.set_data_dtype(values.dtype)
    header.set_data_shape(values.shape)
    header["vox_offset"] = HEADER_BYTES
    head = header.binaryblock.ljust(HEADER_BYTES, b"\0")
    return packed(head + values.tobytes(order="F"))


def _affine_not_a_number(rng: np.random.Generator) -> bytes:
    affine = AFFINE.copy()
    affine[1, 1] = np.nan
    return _with_affine(rng, affine)


def _affine_flat(rng: np.random.Generator) -> bytes:
    affine = AFFINE.copy()
    affine[:3, 2] = affine[:3, 1]
    return _with_affine(rng, affine)


def _affine_sheared(rng: np.random.Generator) -> bytes:
    affine = AFFINE.copy()
    affine[0, 2] = 0.5
    return _with_affine(rng, affine)


def _forms_apart(rng: np.random.Generator) -> bytes:
    moved = AFFINE.copy()
    moved[:3, 3] += 40
    header = nib.Nifti1Header()
    header.set_qform(AFFINE, 1)
    header.set_sform(moved, 1)
    return _with_header(rng, header)


def _points_in_time(rng: np.random.Generator) -> bytes:
    return packed(_image(np.stack([_noise(rng)] * 3, axis=-1)).to_bytes())


FILES: tuple[tuple[MakeImage, ErrorCode], ...] = (
    (_cut_short, ErrorCode.TRUNCATED_FILE),
    (_cut_unpacked, ErrorCode.TRUNCATED_FILE),
    (_cut_in_header, ErrorCode.NOT_AN_IMAGE),
    (_nothing, ErrorCode.NOT_AN_IMAGE),
    (_garbage, ErrorCode.TRUNCATED_FILE),
    (_other_file, ErrorCode.NOT_AN_IMAGE),
    (_wrong_magic, ErrorCode.NOT_AN_IMAGE),
    (_wrong_checksum, ErrorCode.TRUNCATED_FILE),
    (_unknown_voxels, ErrorCode.INVALID_HEADER),
    (_not_a_number, ErrorCode.NOT_FINITE),
    (_bomb, ErrorCode.INVALID_HEADER),
    (_affine_not_a_number, ErrorCode.INVALID_HEADER),
    (_affine_flat, ErrorCode.INVALID_HEADER),
    (_affine_sheared, ErrorCode.SHEARED_AFFINE),
    (_forms_apart, ErrorCode.SFORM_QFORM_CONFLICT),
    (_points_in_time, ErrorCode.CHANNEL_MISMATCH),
)
"""Ten corrupt files, a bomb, five faults of geometry, each with its code."""
