"""Labels, regions and ignored voxels, as a `dataset.json` describes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from medseg.core.described_labels import DescribedLabels
from medseg.core.labels import LabelSet
from medseg.core.regions import Region

_IGNORE = "ignore"


def described_labels(content: Mapping[str, Any]) -> DescribedLabels:
    """Labels of the decathlon ({"1": "liver"}) or of nnU-Net ({"liver": 1}).

    nnU-Net may give a structure several labels ({"whole tumour": [1, 2, 3]}); then
    every structure is a region, painted as "regions_class_order" says. Its label
    "ignore" is no structure.

    Raises:
        ValueError: When the description contradicts itself; KeyError, TypeError or
            AttributeError when it is of another form.
    """
    named = [_named(key, value) for key, value in content["labels"].items()]
    ignored = [ids for name, ids in named if name.lower() == _IGNORE]
    if any(len(ids) != 1 or ids[0] < 1 for ids in ignored):
        raise ValueError("the label to ignore is one number above 0")
    ignore_id = ignored[0][0] if ignored else None
    structures = [
        (name, ids)
        for name, ids in named
        if set(ids) != {0} and name.lower() != _IGNORE
    ]
    if all(len(ids) == 1 for _, ids in structures):
        labels = LabelSet.from_names((ids[0], name) for name, ids in structures)
        return DescribedLabels(labels=labels, ignore_id=ignore_id)
    regions = _regions(structures, content.get("regions_class_order"))
    return DescribedLabels(
        labels=_labels_of(regions), regions=regions, ignore_id=ignore_id
    )


def _named(key: str, value: object) -> tuple[str, tuple[int, ...]]:
    """Name and numbers out of "1": "liver", "liver": 1 or "liver": [1, 2].

    A name may be a number, too: "11": 1 is nnU-Net's.
    """
    if str(key).isdigit() and isinstance(value, str) and not value.strip().isdigit():
        return value.strip(), (int(key),)
    ids = value if isinstance(value, list) else [value]
    return str(key).strip(), tuple(dict.fromkeys(_whole(id_) for id_ in ids))


def _whole(number: object) -> int:
    if isinstance(number, int | str) and not isinstance(number, bool):
        return int(number)
    raise ValueError(f"a label is a whole number, got {number!r}")


def _regions(
    structures: Sequence[tuple[str, tuple[int, ...]]], order: Sequence[int] | None
) -> tuple[Region, ...]:
    if order is None or len(order) != len(structures):
        raise ValueError(
            f"{len(structures)} regions need regions_class_order with a label for each"
        )
    return tuple(
        Region(name=name, ids=ids, painted_as=_whole(painted_as))
        for (name, ids), painted_as in zip(structures, order, strict=True)
    )


def _labels_of(regions: Sequence[Region]) -> LabelSet:
    """A name for each label the regions are made of.

    That of the region which is this label alone, else "whole tumour, label 1" after
    the smallest region that holds it.
    """
    names = []
    for id_ in sorted({id_ for region in regions for id_ in region.ids}):
        holding = [region for region in regions if id_ in region.ids]
        smallest = min(holding, key=lambda region: len(region.ids))
        is_whole = smallest.ids == (id_,)
        names.append(
            (id_, smallest.name if is_whole else f"{smallest.name}, label {id_}")
        )
    return LabelSet.from_names(names)
