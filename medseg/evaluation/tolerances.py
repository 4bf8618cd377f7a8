"""The tolerance of surface measures as the user names it."""

from collections.abc import Mapping
from dataclasses import dataclass

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.tolerance import TOLERANCE_PRESETS


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far off a surface may be and still count as right, and who says so.

    Attributes:
        mm: The same for every structure, or by structure; None for no tolerance.
        source: Where the figure comes from, in words.
        caution: What to mind about it; empty for nothing.
    """

    mm: float | Mapping[str, float] | None
    source: str
    caution: str = ""

    def __str__(self) -> str:
        if self.mm is None:
            return "none"
        if isinstance(self.mm, Mapping):
            return ", ".join(f"{name} {mm:g}" for name, mm in self.mm.items())
        return f"{self.mm:g}"


NO_TOLERANCE = Tolerance(mm=None, source="")


def parsed_tolerance(words: tuple[str, ...]) -> Tolerance:
    """A preset's name, or STRUCTURE=MM for one structure or several.

    Raises:
        WrongUse: INVALID_OPTION for anything else, with the presets there are.
    """
    if not words:
        return NO_TOLERANCE
    if len(words) == 1 and "=" not in words[0]:
        return _preset(words[0])
    given: dict[str, float] = {}
    for word in words:
        name, equals, figure = (part.strip() for part in word.rpartition("="))
        if not equals or not name or (mm := _positive(figure)) is None:
            raise _wrong(f"{word!r} is not STRUCTURE=MM with a figure above 0")
        if name in given:
            raise _wrong(f"{name!r} has two tolerances")
        given[name] = mm
    return Tolerance(mm=given, source="given as --tolerances")


def _preset(name: str) -> Tolerance:
    for preset in TOLERANCE_PRESETS:
        if preset.name == name:
            return Tolerance(
                mm=preset.tolerance_mm,
                source=f"preset {preset.name}: {preset.source}",
                caution=""
                if preset.is_confirmed
                else f"the source of the tolerance {preset.name} is not confirmed: "
                f"{preset.source}",
            )
    raise _wrong(f"no tolerances are called {name!r}")


def _positive(figure: str) -> float | None:
    try:
        mm = float(figure)
    except ValueError:
        return None
    return mm if 0 < mm < float("inf") else None


def _wrong(what: str) -> WrongUse:
    names = ", ".join(preset.name for preset in TOLERANCE_PRESETS)
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where="--tolerances",
        remedy=f"Give STRUCTURE=MM, or one of {names}.",
    )
