"""Voxels that hold label numbers, and the names that lie beside them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet, Structure, StructureKind
from medseg.core.volume import LabelArray, Segmentation
from medseg.io.checks import stem_of

_FORMAT = "medseg-segmentation"
_MAX_DISTINCT = 1024
_ROUNDING = 1e-3


def as_label_map(values: np.ndarray, path: Path) -> LabelArray:
    """Whole numbers from 0 to 65535 out of voxels of any type.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP when a voxel holds anything else.
    """
    if values.size and values.dtype.kind == "f":
        whole = np.rint(values)
        if not np.all(np.abs(values - whole) <= _ROUNDING):  # false for NaN
            raise _not_a_label_map("it holds fractions or NaN", path)
        values = whole
    if values.size and (values.min() < 0 or values.max() > 65535):
        found = f"it holds values from {values.min():g} to {values.max():g}"
        raise _not_a_label_map(found, path)
    largest = int(values.max()) if values.size else 0
    labels: np.ndarray = values.astype(np.uint8 if largest < 256 else np.uint16)
    return labels


def labels_present(label_map: LabelArray) -> tuple[int, ...]:
    """Label numbers that occur, ascending, background left out."""
    seen = np.zeros(65536, dtype=bool)
    for k in range(label_map.shape[2]):
        seen[label_map[:, :, k]] = True
    return tuple(int(label) for label in np.flatnonzero(seen) if label)


def named_labels(
    label_map: LabelArray, labels: LabelSet | None, path: Path
) -> LabelSet:
    """Names of a label map: those given, else those beside the file, else numbers.

    Raises:
        UnusableInput: UNKNOWN_LABEL when a label has no name among those known;
            NOT_A_LABEL_MAP when there are more labels than anybody ever named.
    """
    present = labels_present(label_map)
    known = labels if labels is not None else read_names(names_path(path))
    if known is None:
        if len(present) > _MAX_DISTINCT:
            raise _not_a_label_map(f"it holds {len(present)} different values", path)
        return LabelSet.from_names((label, f"label {label}") for label in present)
    unknown = [label for label in present if label not in known.ids]
    if unknown:
        listed = ", ".join(str(label) for label in unknown[:8])
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        raise UnusableInput(
            ErrorCode.UNKNOWN_LABEL,
            f"labels without a name: {listed}{more}; known are "
            + ", ".join(f"{each.id} {each.name}" for each in known),
            where=path,
            remedy="Give the right label names, or the right file.",
        )
    return known


def names_path(path: Path) -> Path:
    """File beside a label map that holds its names and how it was made."""
    return path.with_name(stem_of(path) + ".json")


def describe_segmentation(segmentation: Segmentation) -> str:
    """Names, colours and provenance of a label map as JSON."""
    made = segmentation.provenance
    description = {
        "format": _FORMAT,
        "version": 1,
        "case_id": segmentation.case_id,
        "labels": [asdict(structure) for structure in segmentation.labels],
        "provenance": None
        if made is None
        else asdict(made)
        | {"versions": dict(made.versions), "settings": dict(made.settings)},
    }
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def read_names(path: Path) -> LabelSet | None:
    """Names written by `describe_segmentation`; None where there are none.

    A JSON file of another program (BIDS, dcm2niix) may lie there; it is not ours.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP when the file is ours and damaged.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return None
    try:
        return LabelSet(tuple(_structure(entry) for entry in content["labels"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"the label names are damaged: {error}",
            where=path,
            remedy="Remove this file to read the labels without names.",
        ) from error


def _structure(entry: dict[str, Any]) -> Structure:
    red, green, blue = (int(part) for part in entry["colour"])
    snomed_ct = entry.get("snomed_ct")
    return Structure(
        id=int(entry["id"]),
        name=str(entry["name"]),
        colour=(red, green, blue),
        kind=StructureKind(entry["kind"]),
        snomed_ct=None if snomed_ct is None else str(snomed_ct),
    )


def _not_a_label_map(found: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.NOT_A_LABEL_MAP,
        f"a label map holds whole numbers from 0 to 65535, but {found}",
        where=path,
        remedy="Give a label map; this looks like a scan or a probability map.",
    )
