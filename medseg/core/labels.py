"""Names of what is segmented."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

Colour = tuple[int, int, int]

# Okabe and Ito (2008), eight colours that colour-blind readers tell apart, black left
# out and the lighter half put first since they lie on a grey scan.
_COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
)

_SIDE = re.compile(
    "left|right|[lr]|[lr]t|[lr]h|[sd]x"  # English, and short
    "|(link|recht)(s|e|er|en|em|es)"  # German, Dutch
    "|gauches?|droite?s?"  # French
    "|(izquierd|derech|esquerd|direit)[oa]s?"  # Spanish, Portuguese
    "|(sinist|dext)er|(sinistr|dextr|destr)(a|ae|i|is|um|o|e)"  # Latin, Italian
    "|(лев|прав)(ый|ая|ое|ые)"  # noqa: RUF001 - Russian
)
_HOLDS_A_SIDE = re.compile("^(left|right)|...(left|right)$|[左右]")  # not cleft
_LESIONS = frozenset(
    {
        *("tumor", "tumors", "tumour", "tumours", "cancer", "cancers"),
        *("lesion", "lesions", "nodule", "nodules", "cyst", "cysts"),
        *("metastasis", "metastases"),
        *("edema", "oedema"),  # of a brain tumour: a part of it, and no organ
    }
)


class StructureKind(StrEnum):
    """Whether a structure is one piece of anatomy or something one counts."""

    STUFF = "stuff"
    THING = "thing"


@dataclass(frozen=True, kw_only=True)
class Structure:
    """One named label.

    Attributes:
        id: Number in the label map, 1 or more.
        name: Lower-case words ("left kidney").
        colour: Red, green, blue, 0 to 255.
        kind: Organ (stuff) or countable lesion (thing).
        snomed_ct: SNOMED CT concept id where known.
    """

    id: int
    name: str
    colour: Colour
    kind: StructureKind = StructureKind.STUFF
    snomed_ct: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.id <= 65535:
            raise ValueError(f"a structure's id is 1 to 65535, got {self.id}")
        if not self.name.strip():
            raise ValueError(f"structure {self.id} has no name")
        if not all(0 <= part <= 255 for part in self.colour):
            raise ValueError(f"a colour's parts are 0 to 255, got {self.colour}")


@dataclass(frozen=True)
class LabelSet:
    """The structures of a label map, by ascending id; 0 is background.

    Attributes:
        structures: Each id and each name once.
    """

    structures: tuple[Structure, ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.structures, key=lambda s: s.id))
        object.__setattr__(self, "structures", ordered)
        for what, seen in (("id", self.ids), ("name", self.names)):
            if len(set(seen)) != len(seen):
                raise ValueError(f"a label set has each {what} once, got {list(seen)}")

    @classmethod
    def from_names(cls, names: Iterable[tuple[int, str]]) -> "LabelSet":
        """Label set with standard colours; names of lesions become things."""
        return cls(
            tuple(
                Structure(
                    id=id_, name=name, colour=standard_colour(id_), kind=kind_of(name)
                )
                for id_, name in names
                if id_ != 0
            )
        )

    @property
    def ids(self) -> tuple[int, ...]:
        """Label numbers, ascending."""
        return tuple(structure.id for structure in self.structures)

    @property
    def names(self) -> tuple[str, ...]:
        """Names, in the order of the ids."""
        return tuple(structure.name for structure in self.structures)

    @property
    def is_lateral(self) -> bool:
        """Whether a structure is told from another by its side, left or right.

        Mirroring a scan left to right makes such labels wrong.
        """
        return names_a_side(self.names)

    def __len__(self) -> int:
        return len(self.structures)

    def __iter__(self) -> Iterator[Structure]:
        return iter(self.structures)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Structure:
        for structure in self.structures:
            if structure.name == name:
                return structure
        raise KeyError(f"no structure {name!r}; there are {', '.join(self.names)}")


def names_a_side(names: Iterable[str]) -> bool:
    """Whether a name says left or right ("left kidney", "kidney_l", "LeftKidney").

    So do the words for it of the languages that most public datasets are named in.
    Two words of which one has l where the other has r, first or last, name the two
    sides of something, too ("lkidney" and "rkidney", "LAG" and "RAG").
    """
    words = {word for name in names for word in _words(name)}
    if any(_SIDE.fullmatch(word) or _HOLDS_A_SIDE.search(word) for word in words):
        return True
    mirrored = {f"r{word[1:]}" for word in words if word.startswith("l")}
    mirrored |= {f"{word[:-1]}r" for word in words if word.endswith("l")}
    return bool(words & mirrored)


def standard_colour(label: int) -> Colour:
    """Colour of a label number: seven hues, then the same ones darker and darker."""
    lap, place = divmod(label - 1, len(_COLOURS))
    red, green, blue = _COLOURS[place]
    shade = 0.75 ** (lap % 4)
    return round(red * shade), round(green * shade), round(blue * shade)


def kind_of(name: str) -> StructureKind:
    """Guess from a name whether it is a lesion (thing) or an organ (stuff)."""
    return StructureKind.THING if _words(name) & _LESIONS else StructureKind.STUFF


def _words(name: str) -> set[str]:
    """The words of "left kidney", "kidney_left", "Kidney (left)" or "LeftKidney"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return set(re.findall(r"[^\W_]+", apart.lower()))
