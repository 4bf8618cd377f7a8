"""What a dataset looks like."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medseg.core.geometry import Shape3, Spacing
from medseg.core.plan import Fingerprint, IntensityStatistics
from medseg.core.volume import Segmentation, Volume
from medseg.preprocessing.prepare import nonzero_box

_SAMPLES_A_CASE = 20_000


@dataclass(frozen=True, eq=False, kw_only=True)
class CaseFacts:
    """What one case adds to the fingerprint.

    Attributes:
        spacing_mm: Along R, A, S.
        shape: Voxels of the scan's non-zero box along R, A, S.
        foreground: Sampled intensities inside any structure (channel, sample).
        structure_volumes_ml: One a structure, 0 where absent.
    """

    spacing_mm: Spacing
    shape: Shape3
    foreground: np.ndarray
    structure_volumes_ml: tuple[float, ...]


def case_facts(volume: Volume, reference: Segmentation) -> CaseFacts:
    """Facts of one case; intensities are sampled at regular steps, so no seed."""
    inside = np.flatnonzero(reference.array.ravel())
    step = max(1, len(inside) // _SAMPLES_A_CASE)
    channels = volume.array.reshape(len(volume.channels), -1)
    counts = np.bincount(
        reference.array.ravel(), minlength=max(reference.labels.ids, default=0) + 1
    )
    ras = volume.geometry.patient_axes
    spacing = volume.geometry.spacing_mm
    _, shape = nonzero_box(volume.array)
    return CaseFacts(
        spacing_mm=(spacing[ras[0]], spacing[ras[1]], spacing[ras[2]]),
        shape=(shape[ras[0]], shape[ras[1]], shape[ras[2]]),
        foreground=channels[:, inside[::step]].astype(np.float32),
        structure_volumes_ml=tuple(
            float(counts[id_]) * volume.geometry.voxel_volume_ml
            for id_ in reference.labels.ids
        ),
    )


def merged_fingerprint(facts: Sequence[CaseFacts]) -> Fingerprint:
    """Fingerprint of a dataset from the facts of its cases."""
    foreground = np.concatenate([case.foreground for case in facts], axis=1)
    volumes = np.array([case.structure_volumes_ml for case in facts])
    return Fingerprint(
        spacings_mm=tuple(case.spacing_mm for case in facts),
        shapes=tuple(case.shape for case in facts),
        intensities=tuple(_statistics(channel) for channel in foreground),
        structure_volumes_ml=tuple(
            float(np.median(column[column > 0])) if (column > 0).any() else 0.0
            for column in volumes.T
        ),
    )


def _statistics(values: np.ndarray) -> IntensityStatistics:
    if not len(values):
        return IntensityStatistics(
            mean=0.0, sd=1.0, percentile_00_5=-1000.0, percentile_99_5=1000.0
        )
    low, high = np.percentile(values, (0.5, 99.5))
    return IntensityStatistics(
        mean=float(values.mean(dtype=np.float64)),
        sd=float(values.std(dtype=np.float64)),
        percentile_00_5=float(low),
        percentile_99_5=float(high),
    )
