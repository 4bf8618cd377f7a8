"""How well structures are found, told apart and outlined, in one number each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medseg.core.labels import StructureKind
from medseg.core.lesions import Detection, summed
from medseg.core.scores import mean_of
from medseg.core.text_table import aligned, number

_DIGITS = 3


@dataclass(frozen=True, kw_only=True)
class PanopticScore:
    """Panoptic quality of one structure (Kirillov et al., 2019).

    A segment of the prediction is found where it has an IoU above 0.5 with a segment of
    the reference of the same structure: there is never more than one such. A structure
    that is stuff is one segment, one that is a thing has a segment an instance.

    Attributes:
        structure: Name.
        label: Number in the label maps.
        kind: Stuff or thing, by the reference where it knows the structure.
        detection: Segments found (true positives), missed (false negatives) and
            spurious (false positives), and the IoUs of those found.
    """

    structure: str
    label: int
    kind: StructureKind
    detection: Detection

    @property
    def is_absent(self) -> bool:
        """Whether neither map holds it; it then has no qualities."""
        return self.rq is None

    @property
    def pq(self) -> float | None:
        """Panoptic quality, 0 to 1: sum of IoUs / (TP + FP / 2 + FN / 2) = SQ x RQ."""
        return self.detection.panoptic_quality

    @property
    def sq(self) -> float | None:
        """Segmentation quality: mean IoU of the segments found.

        0 where none is found, as in the authors' own code; None where it is absent.
        """
        return None if self.is_absent else self.detection.segmentation_quality or 0.0

    @property
    def rq(self) -> float | None:
        """Recognition quality: TP / (TP + FP / 2 + FN / 2), the F1 of the segments."""
        return self.detection.f1


@dataclass(frozen=True, kw_only=True)
class PanopticMean:
    """Qualities averaged over the structures that either map holds.

    Attributes:
        n: Structures averaged.
        pq: Mean panoptic quality; None when n is 0, as are the others.
        sq: Mean segmentation quality.
        rq: Mean recognition quality.
    """

    n: int
    pq: float | None
    sq: float | None
    rq: float | None


@dataclass(frozen=True, kw_only=True)
class PanopticScores:
    """Panoptic qualities of one case, or of several summed.

    Attributes:
        case_id: Name of the case.
        rows: One a structure, by ascending label.
    """

    case_id: str
    rows: tuple[PanopticScore, ...]

    @property
    def mean(self) -> PanopticMean:
        """Over all structures that either map holds."""
        return _mean(self.rows)

    @property
    def stuff(self) -> PanopticMean:
        """Over those that are one piece of anatomy."""
        return _mean(_of_kind(self.rows, StructureKind.STUFF))

    @property
    def things(self) -> PanopticMean:
        """Over those that are counted."""
        return _mean(_of_kind(self.rows, StructureKind.THING))

    def __getitem__(self, structure: str) -> PanopticScore:
        for row in self.rows:
            if row.structure == structure:
                return row
        names = ", ".join(row.structure for row in self.rows)
        raise KeyError(f"no structure {structure!r}; there are {names}")

    def table(self) -> str:
        """The rows as plain text, columns aligned, with the means below."""
        header = ["case", "structure", "kind", *("pq", "sq", "rq", "tp", "fp", "fn")]
        return aligned(header, [*self._lines(), *self._mean_lines()], left=3)

    def _lines(self) -> Iterator[list[str]]:
        for row in self.rows:
            found = row.detection
            yield [
                *(self.case_id, row.structure, str(row.kind)),
                *(number(value, _DIGITS) for value in (row.pq, row.sq, row.rq)),
                *map(str, (found.found, found.spurious, found.missed)),
            ]

    def _mean_lines(self) -> Iterator[list[str]]:
        means = (("all", self.mean), ("stuff", self.stuff), ("thing", self.things))
        for kind, mean in means:
            if mean.n:
                figures = (mean.pq, mean.sq, mean.rq)
                shown = (number(value, _DIGITS) for value in figures)
                yield ["mean", f"n={mean.n}", kind, *shown]


def panoptic_total(cases: Sequence[PanopticScores], case_id: str) -> PanopticScores:
    """Several cases as one: counts and IoUs are summed before qualities are taken.

    So Kirillov et al. (2019) score a data set: a case with many lesions weighs more
    than one with few.

    Args:
        cases: With the same structures, or some of them.
        case_id: Name of the sum.
    """
    found: dict[tuple[int, str, StructureKind], list[Detection]] = {}
    for case in cases:
        for row in case.rows:
            same = (row.label, row.structure, row.kind)
            found.setdefault(same, []).append(row.detection)
    rows = (
        PanopticScore(
            structure=structure, label=label, kind=kind, detection=summed(each)
        )
        for (label, structure, kind), each in sorted(found.items())
    )
    return PanopticScores(case_id=case_id, rows=tuple(rows))


def _of_kind(
    rows: Iterable[PanopticScore], kind: StructureKind
) -> Iterator[PanopticScore]:
    return (row for row in rows if row.kind is kind)


def _mean(rows: Iterable[PanopticScore]) -> PanopticMean:
    present = [row for row in rows if not row.is_absent]
    return PanopticMean(
        n=len(present),
        pq=mean_of(row.pq for row in present),
        sq=mean_of(row.sq for row in present),
        rq=mean_of(row.rq for row in present),
    )
