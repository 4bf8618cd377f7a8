"""Which structures of a label map are counted."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from medseg.classical.results import noted
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.labels import LabelSet, StructureKind
from medseg.core.volume import Segmentation


def counted(segmentation: Segmentation, structures: Collection[str]) -> Segmentation:
    """The label map with some structures as things, which are counted.

    Args:
        segmentation: Such as one read from a file without names.
        structures: Their names.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
    """
    _require_known(structures, segmentation, "--structure")
    changed = tuple(
        replace(each, kind=StructureKind.THING) if each.name in structures else each
        for each in segmentation.labels
    )
    return replace(segmentation, labels=LabelSet(changed))


def merged_structures(
    segmentation: Segmentation, name: str, structures: Collection[str]
) -> Segmentation:
    """The label map with several structures as one, which is counted.

    For lesions of several labels, such as a tumour with its core and its edema: apart,
    each part would be counted and measured by itself.

    Args:
        segmentation: The label map.
        name: Of the new structure, which has the number and colour of the first part
            and takes the place of all.
        structures: Names of the parts.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure, no part, or another
            structure of the name.
    """
    labels = segmentation.labels
    _require_known(structures, segmentation, "--merge")
    parts = [each for each in labels if each.name in structures]
    others = tuple(each for each in labels if each.name not in structures)
    if not parts:
        raise _wrong(f"{name!r} is merged from no structure", "Name its parts.")
    if name in [each.name for each in others]:
        raise _wrong(f"there is a structure {name!r} already", "Give a new name.")
    first = replace(parts[0], name=name, kind=StructureKind.THING, snomed_ct=None)
    inside = np.isin(segmentation.array, [each.id for each in parts])
    array = np.where(
        inside, segmentation.array.dtype.type(first.id), segmentation.array
    )
    told = replace(segmentation, array=array, labels=LabelSet((first, *others)))
    return noted(told, f"{name}: {' + '.join(each.name for each in parts)}")


def _require_known(
    structures: Collection[str], segmentation: Segmentation, option: str
) -> None:
    names = segmentation.labels.names
    unknown = sorted(set(structures) - set(names))
    if unknown:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"there is no structure {unknown[0]!r}",
            where=f"{option}, {segmentation.case_id}",
            remedy=f"Use one of {', '.join(names)}."
            if names
            else "The label map is empty and names none.",
        )


def _wrong(what: str, remedy: str) -> WrongUse:
    return WrongUse(ErrorCode.INVALID_OPTION, what, where="--merge", remedy=remedy)
