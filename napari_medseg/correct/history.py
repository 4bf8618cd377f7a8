"""Undo for whole-volume edits: bounded, and small by what it keeps.

An edit keeps the box round the voxels that changed, one bit a voxel of it, and their
labels before and after, all compressed. What was painted since an edit stays: undo
gives back only voxels that still are as the edit left them.
"""

import zlib
from dataclasses import dataclass, field

import numpy as np

import medseg

Index = tuple[int, int, int]
_FAST = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Edit:
    """One change of a label map.

    Attributes:
        title: What was done.
        start: First voxel of the box round the change, in the array's own axes.
        shape: Its voxels.
        changed: Which of them changed, one bit each, compressed.
        before: Their labels before, compressed.
        after: Their labels after, compressed.
        dtype: Of the labels.
        added: Structures that came with it.
    """

    title: str
    start: Index
    shape: Index
    changed: bytes = field(repr=False)
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    dtype: str
    added: tuple["medseg.Structure", ...] = ()

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into the array."""
        i, j, k = (slice(s, s + n) for s, n in zip(self.start, self.shape, strict=True))
        return i, j, k

    @property
    def bytes_kept(self) -> int:
        """Memory the edit takes."""
        return len(self.changed) + len(self.before) + len(self.after)

    def undone(self, array: np.ndarray) -> np.ndarray:
        """The box of an array without the edit."""
        return self._exchanged(array[self.slices], self.after, self.before)

    def redone(self, array: np.ndarray) -> np.ndarray:
        """The box of an array with the edit again."""
        return self._exchanged(array[self.slices], self.before, self.after)

    def _exchanged(self, box: np.ndarray, old: bytes, new: bytes) -> np.ndarray:
        changed = self._mask()
        result = box.copy()
        now = result[changed]
        expected, wanted = self._labels(old), self._labels(new)
        result[changed] = np.where(now == expected, wanted, now)
        return result

    def _mask(self) -> np.ndarray:
        bits = np.frombuffer(zlib.decompress(self.changed), np.uint8)
        count = int(np.prod(self.shape))
        return np.unpackbits(bits, count=count).astype(bool).reshape(self.shape)

    def _labels(self, packed: bytes) -> np.ndarray:
        return np.frombuffer(zlib.decompress(packed), self.dtype)


def edit_between(
    title: str, before: np.ndarray, after: np.ndarray, start: Index = (0, 0, 0)
) -> Edit | None:
    """The edit that turns one array into another; None where they are the same.

    Args:
        title: What was done.
        before: A box of a label map.
        after: The same box, changed.
        start: Where the box begins in the label map.
    """
    changed = before != after
    slices = []
    for others in ((1, 2), (0, 2), (0, 1)):
        where = np.flatnonzero(changed.any(axis=others))
        if where.size == 0:
            return None
        slices.append(slice(int(where[0]), int(where[-1]) + 1))
    i, j, k = slices
    changed = changed[i, j, k]
    dtype = np.result_type(before.dtype, after.dtype)
    first, second = (a[i, j, k][changed].astype(dtype) for a in (before, after))
    return Edit(
        title=title,
        start=(start[0] + i.start, start[1] + j.start, start[2] + k.start),
        shape=(i.stop - i.start, j.stop - j.start, k.stop - k.start),
        changed=zlib.compress(np.packbits(changed).tobytes(), _FAST),
        before=zlib.compress(first.tobytes(), _FAST),
        after=zlib.compress(second.tobytes(), _FAST),
        dtype=dtype.str,
    )


class History:
    """The latest edits of one label map, to undo and to redo."""

    def __init__(self, *, most_edits: int = 50, most_bytes: int = 64 * 2**20) -> None:
        """An empty history.

        Args:
            most_edits: Edits kept; older ones can be undone no more.
            most_bytes: Memory they may take together; the latest is always kept.
        """
        self._most_edits = most_edits
        self._most_bytes = most_bytes
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @property
    def to_undo(self) -> Edit | None:
        """The edit that is undone next."""
        return self._done[-1] if self._done else None

    @property
    def to_redo(self) -> Edit | None:
        """The edit that is redone next."""
        return self._undone[-1] if self._undone else None

    @property
    def bytes_kept(self) -> int:
        """Memory of all edits."""
        return sum(edit.bytes_kept for edit in (*self._done, *self._undone))

    def add(self, edit: Edit) -> None:
        """Note an edit that was made; what was undone before is gone."""
        self._undone.clear()
        self._done.append(edit)
        while len(self._done) > 1 and (
            len(self._done) > self._most_edits or self.bytes_kept > self._most_bytes
        ):
            del self._done[0]

    def step_back(self) -> None:
        """Note that the next edit to undo was undone."""
        self._undone.append(self._done.pop())

    def step_forward(self) -> None:
        """Note that the next edit to redo was redone."""
        self._done.append(self._undone.pop())

    def give_numbers_away(self) -> None:
        """Redo no edit that came with structures: others may have their numbers now."""
        adding = [n for n, edit in enumerate(self._undone) if edit.added]
        if adding:
            del self._undone[: adding[-1] + 1]  # those that were made on top of it, too
