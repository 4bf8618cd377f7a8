"""What a model said of single lesions, kept with the labels that it made.

Neither a file of labels nor a session holds it: it is gone with the layer.
"""

from dataclasses import dataclass

import numpy as np
from napari.layers import Labels

import medseg
from napari_medseg.layers.conversion import LayerTuple, record_of
from napari_medseg.layers.scripts import ModelRun

EVIDENCE_KEY = "medseg-evidence"


@dataclass(frozen=True, eq=False, kw_only=True)
class VoxelConfidence:
    """How sure a model is of the label of each voxel of its lesions: 2 bytes each.

    Attributes:
        labels: Of the structures that are lesions.
        values: Probability of its label at every voxel that has one of these, in the
            order of the scan's array (i, then j, then k); float16.
    """

    labels: tuple[int, ...]
    values: np.ndarray

    @classmethod
    def of(
        cls, segmentation: medseg.Segmentation, probabilities: medseg.Volume
    ) -> "VoxelConfidence":
        """Of what a model made, the part that tells of lesions.

        Args:
            segmentation: The label map.
            probabilities: A channel a structure, named as it; others may be among them.
        """
        thing = medseg.StructureKind.THING
        things = tuple(s.id for s in segmentation.labels if s.kind is thing)
        inside = np.isin(segmentation.array, things)
        labels = segmentation.array[inside]
        values = np.zeros(len(labels), np.float16)
        for structure in segmentation.labels:
            if structure.id in things:
                channel = probabilities.channels.index(structure.name)
                is_own = labels == structure.id
                values[is_own] = probabilities.array[channel][inside][is_own]
        return cls(labels=things, values=values)

    def means(
        self, segmentation: medseg.Segmentation, panoptic: medseg.Panoptic
    ) -> dict[int, float]:
        """Mean over the voxels of each lesion, by number; as `medseg.with_confidence`.

        Args:
            segmentation: The label map as the model made it.
            panoptic: Lesions told apart in it. Of one whose structure is no lesion by
                kind nothing is known.
        """
        numbers = panoptic.instance_map[np.isin(segmentation.array, self.labels)]
        voxels = np.bincount(numbers)
        sums = np.bincount(numbers, weights=self.values.astype(np.float64))
        known = [n for n in np.flatnonzero(voxels).tolist() if n]
        return {n: float(np.clip(sums[n] / voxels[n], 0, 1)) for n in known}


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """What a model said of single lesions.

    Attributes:
        run: How it was run, as a script.
        centres: Where it saw their centres; None where it has not learned that. 8 bytes
            a voxel of its own grid.
        confidence: How sure it is of their voxels; None where that was not asked for.
    """

    run: ModelRun
    centres: medseg.CentreMaps | None = None
    confidence: VoxelConfidence | None = None


def with_evidence(made: LayerTuple, evidence: Evidence) -> LayerTuple:
    """The same layer, which keeps what the model said."""
    array, options, kind = made
    metadata = {**options["metadata"], EVIDENCE_KEY: evidence}
    return array, {**options, "metadata": metadata}, kind


def evidence_of(layer: Labels) -> Evidence | None:
    """What the model said that made the labels; None where it is not known.

    It is about the scan, so labels may be edited; but not those moved elsewhere.
    """
    evidence, record = layer.metadata.get(EVIDENCE_KEY), record_of(layer)
    if not isinstance(evidence, Evidence) or record is None:
        return None
    where = layer.data.shape, layer.scale, layer.translate
    return evidence if record.placement.is_shown_at(*where) else None


def has_centres(layer: Labels | None) -> bool:
    """Whether a model has said of some labels where it sees centres of lesions."""
    evidence = None if layer is None else evidence_of(layer)
    return evidence is not None and evidence.centres is not None
