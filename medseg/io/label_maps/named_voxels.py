"""Voxels that hold label numbers, and the names that lie beside them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet, Structure, StructureKind
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.provenance import AlgorithmFamily, Provenance
from medseg.core.uncertainty import StructureUncertainty
from medseg.core.volume import LabelArray, Segmentation, voxels_of_labels
from medseg.io.checks import stem_of

_FORMAT = "medseg-segmentation"
_PROVENANCE_WORDS = ("case_id", "input_sha256", "model", "model_sha256", "disclaimer")
_FAMILY = AlgorithmFamily.ARTIFICIAL_INTELLIGENCE  # where an older file says none
_MAX_DISTINCT = 1024
_SHOWN = 8
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


def named_labels(
    label_map: LabelArray, labels: LabelSet | None, path: Path
) -> LabelSet:
    """Names of a label map: those given, else those beside the file, else numbers.

    Raises:
        UnusableInput: UNKNOWN_LABEL when a label has no name among those known;
            NOT_A_LABEL_MAP when there are more labels than anybody ever named.
    """
    present = tuple(voxels_of_labels(label_map))
    known = labels if labels is not None else read_names(names_path(path))
    if known is None:
        if len(present) > _MAX_DISTINCT:
            raise _not_a_label_map(f"it holds {len(present)} different values", path)
        return LabelSet.from_names((label, f"label {label}") for label in present)
    unknown = sorted({*present} - {*known.ids})
    if unknown:
        told = [f"{each.id} {each.name}" for each in known]
        raise UnusableInput(
            ErrorCode.UNKNOWN_LABEL,
            f"labels without a name: {_first(unknown)}; known are {_first(told)}",
            where=path,
            remedy="Give the right label names, or the right file.",
        )
    return known


def _first(values: Sequence[object]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(str(value) for value in values[:_SHOWN]) + more


def names_path(path: Path) -> Path:
    """File beside a label map that holds its names and how it was made."""
    return path.with_name(stem_of(path) + ".json")


def describe_segmentation(
    segmentation: Segmentation, unsure: Sequence[StructureUncertainty] = ()
) -> str:
    """Names, colours, volumes and provenance of a label map as JSON.

    Args:
        segmentation: The label map.
        unsure: How unsure a model was of each structure, where that is known.
    """
    return _as_text(_described(segmentation, unsure))


def describe_panoptic(
    panoptic: Panoptic, unsure: Sequence[StructureUncertainty] = ()
) -> str:
    """What `describe_segmentation` tells, and every instance with its volume."""
    voxels = voxels_of_labels(panoptic.instance_map)
    voxel_ml = panoptic.geometry.voxel_volume_ml
    instances = [
        asdict(each) | {"volume_ml": round(voxels[each.number] * voxel_ml, 3)}
        for each in panoptic.instances
    ]
    told = {"instances": instances, "instance_notes": list(panoptic.notes)}
    return _as_text(_described(panoptic.segmentation, unsure) | told)


def _described(
    segmentation: Segmentation, unsure: Sequence[StructureUncertainty]
) -> dict[str, Any]:
    made = segmentation.provenance
    voxels = voxels_of_labels(segmentation.array)
    voxel_ml = segmentation.geometry.voxel_volume_ml
    figures = {"uncertainty": [asdict(each) for each in unsure]} if unsure else {}
    return {
        "format": _FORMAT,
        "version": 1,
        "case_id": segmentation.case_id,
        "labels": [
            asdict(structure)
            | {"volume_ml": round(voxels.get(structure.id, 0) * voxel_ml, 3)}
            for structure in segmentation.labels
        ],
        "provenance": None
        if made is None
        else asdict(made)
        | {"versions": dict(made.versions), "settings": dict(made.settings)},
    } | figures


def _as_text(description: dict[str, Any]) -> str:
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def read_names(path: Path) -> LabelSet | None:
    """Names written by `describe_segmentation`; None where there are none.

    A JSON file of another program (BIDS, dcm2niix) may lie there; it is not ours.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP when the file is ours and damaged, or no JSON.
    """
    content = _description(path)
    if content is None:
        return None
    try:
        return LabelSet(tuple(_structure(entry) for entry in content["labels"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged("label names", error, path) from error


def read_provenance(path: Path) -> Provenance | None:
    """Provenance written by `describe_segmentation`; None where there is none.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP when the file is ours and damaged.
    """
    content = _description(path)
    made = None if content is None else content.get("provenance")
    if made is None:
        return None
    try:
        return Provenance(
            **{name: str(made[name]) for name in _PROVENANCE_WORDS},
            versions=_pairs(made["versions"]),
            settings=_pairs(made["settings"]),
            notes=tuple(str(note) for note in made["notes"]),
            is_trained_on=made.get("is_trained_on") is True,
            family=AlgorithmFamily(made.get("family", _FAMILY)),
            is_interactive=made.get("is_interactive") is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged("provenance", error, path) from error


def read_instances(path: Path) -> tuple[Instance, ...] | None:
    """Instances written by `describe_panoptic`; None where there are none.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP when the file is ours and damaged.
    """
    content = _description(path)
    if content is None or "instances" not in content:
        return None
    try:
        return tuple(_instance(entry) for entry in content["instances"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged("instances", error, path) from error


def read_instance_notes(path: Path) -> tuple[str, ...]:
    """How instances were told apart, as `describe_panoptic` wrote; none elsewhere.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP when the file is ours and damaged.
    """
    content = _description(path) or {}
    notes = content.get("instance_notes", [])
    if isinstance(notes, list):
        return tuple(str(note) for note in notes)
    raise _damaged("notes on instances", TypeError(type(notes).__name__), path)


def _description(path: Path) -> dict[str, Any] | None:
    """Content of a file that `describe_segmentation` wrote; None for any other.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP, when it is no JSON at all: whether names and
            lesions were in it cannot be known.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged("names", error, path) from error
    is_ours = isinstance(content, dict) and content.get("format") == _FORMAT
    return content if is_ours else None


def _pairs(named: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in named.items())


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


def _instance(entry: dict[str, Any]) -> Instance:
    confidence = entry.get("confidence")
    tracking_uid, tracking_id = entry.get("tracking_uid"), entry.get("tracking_id")
    return Instance(
        number=int(entry["number"]),
        structure_id=int(entry["structure_id"]),
        confidence=None if confidence is None else float(confidence),
        tracking_uid=None if tracking_uid is None else str(tracking_uid),
        tracking_id=None if tracking_id is None else str(tracking_id),
    )


def _damaged(what: str, error: Exception, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.NOT_A_LABEL_MAP,
        f"the {what} beside the label map: damaged ({error!r})",
        where=path,
        remedy="Put the whole file there, or remove it to read the labels without "
        "names and lesions.",
    )


def _not_a_label_map(found: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.NOT_A_LABEL_MAP,
        f"a label map holds whole numbers from 0 to 65535, but {found}",
        where=path,
        remedy="Give a label map; this looks like a scan or a probability map.",
    )
