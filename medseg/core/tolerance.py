"""How far off a surface may be and still count as right: tolerances with a source."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TolerancePreset:
    """A tolerance that others have used, and where that is written.

    Attributes:
        name: To ask for it by.
        tolerance_mm: The same for every structure.
        source: Where the figure comes from.
        is_confirmed: Whether the source was read when this was written.
    """

    name: str
    tolerance_mm: float
    source: str
    is_confirmed: bool


_DECATHLON = (
    "Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13 "
    "(2022) 4128, methods; quoted from memory, check it before you publish"
)
_TOTALSEGMENTATOR = (
    "Wasserthal et al., TotalSegmentator, Radiology: Artificial Intelligence 5 (2023) "
    "e230024; wasserth/TotalSegmentator issues 143 and 543"
)

TOLERANCE_PRESETS: tuple[TolerancePreset, ...] = (
    *(
        TolerancePreset(
            name=f"decathlon-{task}",
            tolerance_mm=tolerance_mm,
            source=_DECATHLON,
            is_confirmed=False,
        )
        for task, tolerance_mm in (
            ("brain", 5.0),
            ("heart", 4.0),
            ("liver", 7.0),
            ("hippocampus", 1.0),
            ("prostate", 4.0),
            ("lung", 2.0),
            ("pancreas", 5.0),
            ("hepatic-vessel", 3.0),
            ("spleen", 3.0),
            ("colon", 4.0),
        )
    ),
    TolerancePreset(
        name="totalsegmentator",
        tolerance_mm=3.0,
        source=_TOTALSEGMENTATOR,
        is_confirmed=True,
    ),
)
