"""Names of structures in DICOM's short text, and the way back without loss."""

import re
from collections.abc import Iterable, Sequence

MAX_LABEL = 64
"""Characters of a DICOM long string (LO)."""

MAX_DESCRIPTION = 1024
"""Characters of a DICOM short text (ST)."""

_CUT = "..."
_NOT_ALLOWED = r"[\x00-\x1f\x7f\\]"


def label_of(name: str) -> tuple[str, str | None]:
    """A name as DICOM's label, and the whole of it where the label cannot hold it.

    A label that was shortened ends in "..."; the description then has the whole name.
    """
    plain = _plain(name)
    if len(plain) <= MAX_LABEL:
        return plain, None
    return plain[: MAX_LABEL - len(_CUT)] + _CUT, plain[:MAX_DESCRIPTION]


def name_of(label: str, description: str) -> str:
    """The name that `label_of` was given; the label of another writer as it is."""
    plain, whole = _plain(label), _plain(description)
    is_ours = plain.endswith(_CUT) and len(plain) == MAX_LABEL
    return whole if is_ours and whole.startswith(plain[: -len(_CUT)]) else plain


def told_apart(names: Iterable[str], numbers: Sequence[int]) -> tuple[str, ...]:
    """Names, each once: one that is empty or used before gets its number."""
    seen: set[str] = set()
    unique = []
    for name, number in zip(names, numbers, strict=True):
        wanted = name or f"segment {number}"
        while wanted in seen:
            wanted = f"{wanted} ({number})"
        seen.add(wanted)
        unique.append(wanted)
    return tuple(unique)


def _plain(text: str) -> str:
    return re.sub(_NOT_ALLOWED, " ", text).strip()
