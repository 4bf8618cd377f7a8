"""How large each structure of a label map is, and where."""

from dataclasses import dataclass

from medseg.core.labels import Structure


@dataclass(frozen=True, kw_only=True)
class StructureMeasure:
    """Size and place of one structure.

    Attributes:
        structure: Which one.
        voxels: How many it has.
        volume_ml: Voxels times voxel volume.
        lesions: Pieces that touch at a face, an edge or a corner; None for a structure
            that is one piece of anatomy (see `StructureKind`).
        inside: The voxel (i, j, k) of it near its centre of mass; None when there is
            no voxel of it.
    """

    structure: Structure
    voxels: int
    volume_ml: float
    lesions: int | None
    inside: tuple[int, int, int] | None
