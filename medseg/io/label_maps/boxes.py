"""Boxes of lesions <-> a JSON file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from medseg.core.box import Box
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.instance_boxes import InstanceBox, InstanceBoxes
from medseg.io.checks import require_file
from medseg.io.safe_writing import written_whole

_FORMAT = "medseg-boxes"
_DIGITS = 4


def describe_boxes(boxes: InstanceBoxes) -> str:
    """Boxes as JSON: voxels from 0, and corners in millimetres for other programs."""
    description = {
        "format": _FORMAT,
        "version": 1,
        "case_id": boxes.case_id,
        "shape": list(boxes.geometry.shape),
        "affine_ras_mm": boxes.geometry.affine.tolist(),
        "instances": [
            {
                "number": each.number,
                "structure": each.structure,
                "structure_id": each.structure_id,
                "confidence": each.confidence,
                "start": list(each.box.start),
                "shape": list(each.box.shape),
                "corners_ras_mm": np.round(
                    boxes.corners_ras_mm(each), _DIGITS
                ).tolist(),
            }
            for each in boxes.boxes
        ],
    }
    return json.dumps(description, indent=1, ensure_ascii=False) + "\n"


def write_boxes(
    boxes: InstanceBoxes, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write the boxes of a scan's lesions as JSON.

    Args:
        boxes: From `instance_boxes`.
        path: The file; `boxes_path` names the one beside a label map.
        overwrite: Replace an earlier file.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    with written_whole(Path(path), overwrite=overwrite) as temporary:
        temporary.write_text(describe_boxes(boxes), encoding="utf-8")


def read_boxes(path: Path | str) -> InstanceBoxes:
    """Read what `write_boxes` wrote; corners are worked out anew.

    Raises:
        UnusableInput: NOT_FOUND; NOT_A_LABEL_MAP when it is no such file.
    """
    path = Path(path)
    require_file(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT or content["version"] != 1:
            raise ValueError(f"format {content['format']!r}")
        return InstanceBoxes(
            case_id=str(content["case_id"]),
            geometry=Geometry(
                _three(content["shape"]), np.array(content["affine_ras_mm"], float)
            ),
            boxes=tuple(_box(each) for each in content["instances"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"no boxes of lesions can be read: damaged, or of something else "
            f"({error!r})",
            where=path,
            remedy="Give a file that medseg instances wrote, or write it anew.",
        ) from error


def _box(entry: dict[str, Any]) -> InstanceBox:
    confidence = entry["confidence"]
    return InstanceBox(
        number=int(entry["number"]),
        structure=str(entry["structure"]),
        structure_id=int(entry["structure_id"]),
        confidence=None if confidence is None else float(confidence),
        box=Box(start=_three(entry["start"]), shape=_three(entry["shape"])),
    )


def _three(values: list[int]) -> tuple[int, int, int]:
    i, j, k = (int(each) for each in values)
    return i, j, k
