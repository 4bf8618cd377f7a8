"""Names of cases that are made of names of files."""

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import TypeVar

_NOT_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 64
_HASH_DIGITS = 8

Key = TypeVar("Key", bound=Hashable)


def safe_names(names: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    """Names that a case may have, each once, from any names.

    They are made of letters, digits, ".", "_" and "-" and begin with a letter or digit,
    at most 64 of them; of those that would then be the same, or differ by upper and
    lower case alone, each gets a hash of the whole name.

    Args:
        names: What each is asked for by, and the name.
    """
    listed = list(names)
    short = {key: _safe(name) for key, name in listed}
    counts = Counter(name.lower() for name in short.values())
    return {
        key: short[key] if counts[short[key].lower()] == 1 else _with_hash(name)
        for key, name in listed
    }


def hash_of(text: str, digits: int = _HASH_DIGITS) -> str:
    """The same short text for the same text, which cannot be told from it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:digits]


def shown(name: str | Path) -> str:
    """A name as it can be written anywhere: bytes that are not UTF-8 as numbers."""
    return str(name).encode("utf-8", "backslashreplace").decode("utf-8")


def _safe(name: str) -> str:
    return _NOT_NAME.sub("-", name).strip("-._")[:_LONGEST] or "case"


def _with_hash(name: str) -> str:
    return f"{_safe(name)[: _LONGEST - _HASH_DIGITS - 1]}-{hash_of(name)}"
