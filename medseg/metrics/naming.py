"""Do two label maps mean the same by the same number?"""

import re
from collections.abc import Iterable
from dataclasses import replace

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet

_NUMBERED = re.compile(r"label[ _-]*[0-9]+")


def require_same_meaning(
    prediction: LabelSet, reference: LabelSet, *, where: str
) -> None:
    """Refuse two maps that give one name to different numbers.

    A number may be named in different words ("tumor", "tumour"), or not at all
    ("label 1"), on one side. But where its names differ and one of them stands for
    another number on the other side, the numbers have been swapped.

    Raises:
        UnusableInput: LABEL_MISMATCH, with the numbers and their names on each side.
    """
    predicted, wanted = _plain_names(prediction), _plain_names(reference)
    swapped = [
        label
        for label in sorted(predicted.keys() & wanted.keys())
        if predicted[label] != wanted[label]
        and (predicted[label] in wanted.values() or wanted[label] in predicted.values())
    ]
    if swapped:
        raise UnusableInput(
            ErrorCode.LABEL_MISMATCH,
            f"the same names stand for other labels: {_listed(prediction, swapped)} in "
            f"the prediction, {_listed(reference, swapped)} in the reference",
            where=where,
            remedy="Correct the names, or renumber the labels of one of them.",
        )


def names_by_label(
    prediction: LabelSet, reference: LabelSet, found: Iterable[int]
) -> dict[int, str]:
    """Name of every label to score, by ascending label, each name once.

    Args:
        prediction: Names what the reference does not know.
        reference: All its structures are scored, found or not.
        found: Labels that have a voxel in either map.
    """
    known = {structure.id: structure.name for structure in reference}
    suggested = {structure.id: structure.name for structure in prediction}
    for label in set(found) - set(known):
        name = suggested.get(label, f"label {label}")
        known[label] = f"label {label}" if name in known.values() else name
    return dict(sorted(known.items()))


def better_named(labels: LabelSet, other: LabelSet) -> LabelSet:
    """The labels, those that are mere numbers named as the other side names them."""
    names = {structure.id: structure for structure in other}
    named = [
        replace(names[each.id], colour=each.colour)
        if _NUMBERED.fullmatch(each.name) and each.id in names
        else each
        for each in labels
    ]
    is_clear = len({each.name for each in named}) == len(named)
    return LabelSet(tuple(named)) if is_clear else labels


def plain_name(name: str) -> str:
    """A name in small letters with single spaces; empty for a mere number."""
    plain = " ".join(re.split(r"[\s_-]+", name.lower().strip()))
    return "" if _NUMBERED.fullmatch(plain) else plain


def _plain_names(labels: LabelSet) -> dict[int, str]:
    """Plain names by number; mere numbers left out."""
    plain = {structure.id: plain_name(structure.name) for structure in labels}
    return {id_: name for id_, name in plain.items() if name}


def _listed(labels: LabelSet, ids: list[int]) -> str:
    named = [f"{each.id} is {each.name}" for each in labels if each.id in ids]
    more = f" and {len(named) - 8} more" if len(named) > 8 else ""
    return ", ".join(named[:8]) + more
