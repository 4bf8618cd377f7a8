"""Small grids, plans and scans that several test modules need."""

import hashlib
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medseg import Geometry, LabelSet, Plan, Segmentation, Volume
from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.core.plan import IntensityStatistics, Normalisation, NormalisationKind
from medseg.models import save_model, weights_bytes
from medseg.networks import build_network

ORIENTATIONS = [
    (axes, flipped)
    for axes in permutations(range(3))
    for flipped in product((False, True), repeat=3)
]
LABELS = LabelSet.from_names([(1, "liver"), (4, "liver tumour")])
Z_SCORE = Normalisation(
    kind=NormalisationKind.Z_SCORE,
    statistics=IntensityStatistics(
        mean=50.0, sd=20.0, percentile_00_5=-100.0, percentile_99_5=200.0
    ),
)
CT = replace(Z_SCORE, kind=NormalisationKind.CT)
TINY_PLAN = Plan(
    channels=("MRI",),
    labels=LABELS,
    spacing_mm=(1.0, 1.0, 1.0),
    patch_shape=(16, 12, 8),
    batch_size=2,
    normalisation=(Z_SCORE,),
    widths=(4, 8, 16),
    kernels=((3, 3, 3),) * 3,
    strides=((1, 1, 1), (2, 2, 2), (2, 2, 2)),
    mirror_axes=(0,),
)


def turned_geometry(
    shape, spacing_mm, axes=(0, 1, 2), flipped=(False, False, False), tilt_deg=0.0
) -> Geometry:
    """Grid whose voxel axes are the patient's, permuted, flipped and tilted."""
    columns = np.eye(3)[:, list(axes)] * np.where(flipped, -1.0, 1.0)
    tilt = Rotation.from_rotvec(np.array([0.6, -0.64, 0.48]) * tilt_deg, degrees=True)
    affine = np.eye(4)
    affine[:3, :3] = tilt.as_matrix() @ columns * np.array(spacing_mm)
    affine[:3, 3] = (-20.0, 31.5, 7.25)
    return Geometry(shape, affine)


def turned(array: np.ndarray, axes, flipped) -> np.ndarray:
    """Transposed, then flipped along the new axes named."""
    steps = [slice(None, None, -1 if flip else 1) for flip in flipped]
    return array.transpose(axes)[tuple(steps)]


def turned_back(array: np.ndarray, axes, flipped) -> np.ndarray:
    steps = [slice(None, None, -1 if flip else 1) for flip in flipped]
    return array[tuple(steps)].transpose(np.argsort(axes))


def spacings(low=0.3, high=6.0):
    edge = st.floats(low, high, allow_nan=False)
    return st.tuples(edge, edge, edge)


def shapes(low=1, high=9):
    edge = st.integers(low, high)
    return st.tuples(edge, edge, edge)


@st.composite
def geometries(draw, most_tilt_deg=180) -> Geometry:
    axes, flipped = draw(st.sampled_from(ORIENTATIONS))
    tilt_deg = draw(st.floats(0, most_tilt_deg))
    return turned_geometry(draw(shapes()), draw(spacings()), axes, flipped, tilt_deg)


def volume_of(array, geometry=None, **more) -> Volume:
    """Scan of one channel, or of several where the array has four dimensions."""
    array = array if array.ndim == 4 else array[None]
    geometry = geometry or Geometry.from_spacing(array.shape[1:], (1.0, 1.0, 1.0))
    return Volume(array=array, geometry=geometry, **more)


def segmentation_of(array, geometry=None, labels=LABELS) -> Segmentation:
    geometry = geometry or Geometry.from_spacing(array.shape, (1.0, 1.0, 1.0))
    return Segmentation(array=array, geometry=geometry, labels=labels)


def ellipsoid(geometry, radii_mm, centre_ras_mm=None) -> np.ndarray:
    """Voxels whose centre lies in an ellipsoid along the patient's axes."""
    index = np.moveaxis(np.indices(geometry.shape), 0, -1)
    centre = geometry.centre_ras_mm if centre_ras_mm is None else centre_ras_mm
    offset = (geometry.to_world(index) - centre) / radii_mm
    inside: np.ndarray = (offset**2).sum(-1) <= 1
    return inside


def dice(a, b) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def save_untrained(plan: Plan, folder: Path) -> Path:
    """Model folder of a network that has learned nothing, but always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save_network(build_network(plan), plan, folder)


def save_network(network: torch.nn.Module, plan: Plan, folder: Path) -> Path:
    """Model folder of a network, of which nothing true is told."""
    weights = weights_bytes(network)
    file = WeightFile(
        path="weights/fold_0.safetensors", sha256=hashlib.sha256(weights).hexdigest()
    )
    save_model(untrained_info(plan, file, folder.name), [weights], folder)
    return folder


def untrained_info(plan: Plan, weights: WeightFile, name: str = "tiny") -> ModelInfo:
    return ModelInfo(
        name=name,
        summary="Has learned nothing.",
        licence="CC0-1.0",
        plan=plan,
        weights=(weights,),
        training=TrainingRecord(
            dataset="none",
            source="none",
            cases=(),
            image_sha256=(),
            held_out=(),
            settings=(),
            steps=0,
            seconds=0.0,
            versions=(),
        ),
    )
