"""Label map and instances together: every voxel is of one structure, and one lesion."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, Shaped

from medseg.core.geometry import Geometry
from medseg.core.labels import LabelSet, Structure, StructureKind
from medseg.core.volume import Segmentation, read_only

InstanceArray = Integer[np.ndarray, "i j k"]

_MOST_INSTANCES = 65535
_NO_VOXEL = -1
_UID = re.compile(r"(?=.{1,64}$)[0-9]+([.][0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One countable piece of a structure.

    Attributes:
        number: In the instance map, from 1; no two instances of a scan share one.
        structure_id: The label of all its voxels.
        confidence: How sure it is that it is one, 0 to 1; None where nothing tells.
        tracking_uid: DICOM's name for this very lesion, the same in every scan of the
            patient; None for one that has none yet.
        tracking_id: What people call it, such as "Nodule B"; None for one that they
            gave no name.
    """

    number: int
    structure_id: int
    confidence: float | None = None
    tracking_uid: str | None = None
    tracking_id: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.number <= _MOST_INSTANCES:
            raise ValueError(
                f"an instance's number is 1 to {_MOST_INSTANCES}, got {self.number}"
            )
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence is 0 to 1, got {self.confidence}")
        if self.tracking_uid is not None and not is_uid(self.tracking_uid):
            raise ValueError(f"a UID is digits and dots, got {self.tracking_uid!r}")


@dataclass(frozen=True, eq=False, kw_only=True)
class Panoptic:
    """A label map, and the instances of its things (Kirillov et al., 2019).

    Every voxel has one label and at most one instance: stuff and background have
    instance 0, every voxel of a thing has an instance above it.

    Attributes:
        segmentation: The label map, of stuff and things.
        instance_map: Number of the instance (i, j, k), uint16, 0 for none. Read-only.
        instances: All there are, by ascending number; each has voxels.
        notes: How they were told apart. What is true of the label map, too, is in the
            label map's own notes: a label map alone says nothing of instances.
    """

    segmentation: Segmentation
    instance_map: InstanceArray
    instances: tuple[Instance, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.instance_map.shape != self.segmentation.array.shape:
            raise ValueError(
                f"instances are {self.instance_map.shape}, "
                f"labels {self.segmentation.array.shape}"
            )
        ordered = tuple(sorted(self.instances, key=_number_of))
        object.__setattr__(self, "instances", ordered)
        _require_numbers(self.instance_map)
        object.__setattr__(
            self,
            "instance_map",
            read_only(self.instance_map.astype(np.uint16, copy=False)),
        )
        found = _labels_of_instances(self.segmentation.array, self.instance_map)
        listed = {each.number: each.structure_id for each in ordered}
        if len(listed) != len(ordered) or found != listed:
            wrong = sorted(set(found.items()) ^ set(listed.items()))
            raise ValueError(
                f"instances listed and instances in the map differ: {wrong[:5]}"
            )
        self._require_things()

    @property
    def geometry(self) -> Geometry:
        """Place of the voxels."""
        return self.segmentation.geometry

    @property
    def labels(self) -> LabelSet:
        """The structures it may hold."""
        return self.segmentation.labels

    @property
    def case_id(self) -> str:
        """Name of the case it belongs to."""
        return self.segmentation.case_id

    def of_structure(self, name: str) -> tuple[Instance, ...]:
        """The instances of one structure."""
        wanted = self.labels[name].id
        return tuple(each for each in self.instances if each.structure_id == wanted)

    def structure_of(self, instance: Instance) -> Structure:
        """What an instance is one of."""
        return {each.id: each for each in self.labels.structures}[instance.structure_id]

    def mask(self, instance: Instance) -> Shaped[np.ndarray, "i j k"]:
        """Where an instance is, as booleans."""
        mask: np.ndarray = self.instance_map == instance.number
        return mask

    def _require_things(self) -> None:
        things = [s.id for s in self.labels.structures if s.kind is StructureKind.THING]
        is_thing = np.isin(self.segmentation.array, things)
        if not np.array_equal(is_thing, self.instance_map > 0):
            raise ValueError("voxels of things have an instance, all others have none")


def is_uid(text: str) -> bool:
    """Whether a text is a DICOM UID: up to 64 digits and dots."""
    return _UID.fullmatch(text) is not None


def _number_of(instance: Instance) -> int:
    return instance.number


def _require_numbers(instances: InstanceArray) -> None:
    if not instances.size:
        return
    least, most = int(instances.min()), int(instances.max())
    if least < 0 or most > _MOST_INSTANCES:
        raise ValueError(
            f"an instance's number is 1 to {_MOST_INSTANCES}, "
            f"the map has {least} to {most}"
        )


def _labels_of_instances(
    labels: Integer[np.ndarray, "i j k"], instances: InstanceArray
) -> Mapping[int, int]:
    """The label of each instance that has voxels.

    Raises:
        ValueError: When an instance has voxels of several labels.
    """
    inside = instances > 0
    numbers, theirs = instances[inside], labels[inside]
    label_of = np.full(_MOST_INSTANCES + 1, _NO_VOXEL, np.int32)
    label_of[numbers] = theirs  # of one voxel of each, so that all can be compared
    if not np.array_equal(label_of[numbers], theirs):
        raise ValueError("an instance has voxels of several structures")
    return {
        int(number): int(label_of[number])
        for number in np.flatnonzero(label_of != _NO_VOXEL)
    }
