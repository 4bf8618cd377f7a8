"""What was written of the lesions of a label map that is now replaced."""

from collections.abc import Iterator
from pathlib import Path

from medseg.core.errors import MedSegError
from medseg.io.label_maps.companions import (
    boxes_path,
    instance_table_path,
    instances_path,
)
from medseg.io.label_maps.named_voxels import names_path, read_instances

_TABLE_BEGINS = b"case,instance,structure,label,"
_BOXES_HOLD = b'"medseg-boxes"'
_LOOKED_AT = 100


def stale_lesion_files(path: Path) -> tuple[Path, ...]:
    """Files beside a label map that MedSeg wrote of the lesions in it.

    They are true of the label map that is there, not of another in its place. Only
    what is known as MedSeg's by its content is named: a file that merely has such a
    name is somebody else's.

    Args:
        path: The label map.
    """
    return tuple(_stale(path))


def _stale(path: Path) -> Iterator[Path]:
    table, boxes, instances = (
        instance_table_path(path),
        boxes_path(path),
        instances_path(path),
    )
    if _start_of(table).startswith(_TABLE_BEGINS):
        yield table
    if _BOXES_HOLD in _start_of(boxes):
        yield boxes
    if instances != path and instances.is_file() and _lists_instances(path):
        yield instances


def _start_of(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_LOOKED_AT)
    except OSError:
        return b""


def _lists_instances(path: Path) -> bool:
    try:
        return read_instances(names_path(path)) is not None
    except MedSegError:
        return False
