"""Numbers and words out of DICOM headers, whatever is stored in their place."""

import math
from collections.abc import Sequence
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset


def numbers(
    sources: Sequence[Dataset], keyword: str, count: int
) -> tuple[float, ...] | None:
    """Values of the first source that has them; None unless all are finite."""
    for source in sources:
        try:
            values = _decimals(source, keyword)
        except (ValueError, TypeError):
            return None
        if values:
            is_usable = len(values) == count and all(map(math.isfinite, values))
            return tuple(values) if is_usable else None
    return None


def factor(sources: Sequence[Dataset], keyword: str, default: float) -> float:
    """A number; the default where there is none, NaN where there is something else."""
    values = numbers(sources, keyword, 1)
    if values is not None:
        return values[0]
    return math.nan if is_there(sources, keyword) else default


def is_there(sources: Sequence[Dataset], keyword: str) -> bool:
    """Whether one of the sources has a value."""
    return any(many(source.get(keyword)) for source in sources)


def whole(data: Dataset, keyword: str, default: int) -> int:
    """A whole number; the default where there is none or something else."""
    values = numbers([data], keyword, 1)
    return int(values[0]) if values and values[0].is_integer() else default


def first(sources: Sequence[Dataset], keyword: str) -> str:
    """The first value there is, as text; empty without one."""
    return next((str(s.get(keyword)) for s in sources if keyword in s), "")


def many(value: Any) -> Sequence[Any]:
    """Values of an attribute that holds none, one or several."""
    if value is None or value == "":
        return ()
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return value if is_list else (value,)


def _decimals(source: Dataset, keyword: str) -> list[float]:
    """Numbers of an attribute, straight from its text where it is decimal text."""
    if keyword not in source:
        return []
    element: object = source.get_item(keyword)
    if isinstance(element, RawDataElement) and element.VR == "DS" and element.value:
        return [float(word) for word in element.value.split(b"\\") if word.strip()]
    return [float(value) for value in many(source.get(keyword))]
