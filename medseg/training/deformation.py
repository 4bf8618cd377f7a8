"""Where the voxels of a deformed patch come from."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from medseg.core.geometry import Shape3
from medseg.core.plan import Plan

_ANISOTROPIC = 3.0
_ELASTIC_CHANCE = 0.1
_ELASTIC_INTERVALS = 4
_LARGEST_BEND = 0.3  # of a control interval; nothing folds below 0.4 (Choi & Lee, 2000)


@dataclass(frozen=True, eq=False, kw_only=True)
class Deformation:
    """Rotation, scaling, mirroring and bending of one patch.

    Attributes:
        matrix: Offset from the patch's centre -> offset in the case, in voxels.
        bends: Displacements along each axis at the control points of a cubic B-spline
            over the patch, in voxels, added before the matrix; none when the patch is
            not bent.
    """

    matrix: Float[np.ndarray, "3 3"]
    bends: Float[np.ndarray, "3 p p p"] | None = None

    def half_extent_voxels(self, patch_shape: Shape3) -> Float[np.ndarray, "3"]:
        """How far from its centre the patch reaches in the case, along each axis.

        A spline never leaves the range of its control points, so this is a bound.
        """
        reach = (np.array(patch_shape) - 1) / 2
        if self.bends is not None:
            reach = reach + np.abs(self.bends).max((1, 2, 3))
        return np.asarray(np.abs(self.matrix) @ reach)


UNDEFORMED = Deformation(matrix=np.eye(3))


def draw_deformation(rng: np.random.Generator, plan: Plan) -> Deformation:
    """Draw rotation, scaling, mirroring and bending.

    Rotations are about the patient's axes in millimetres; only in the fine plane where
    the third spacing is over three times coarser. Nothing is bent along such an axis.
    """
    spacing = np.array(plan.spacing_mm)
    coarse = spacing > _ANISOTROPIC * spacing.min()
    angles = np.zeros(3)
    if rng.random() < 0.5:
        angles = np.deg2rad(rng.uniform(-20, 20, 3))
        if coarse.any():
            angles[~coarse] = 0.0
    scale = np.ones(3)
    if rng.random() < 0.5:
        scale *= np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    if rng.random() < 0.3:
        scale *= np.exp(rng.uniform(-0.15, 0.15, 3))
    mirror = np.ones(3)
    for axis in plan.mirror_axes:
        mirror[axis] = -1.0 if rng.random() < 0.5 else 1.0
    turned = _rotation(angles) * (scale * mirror)
    return Deformation(
        matrix=np.asarray(turned * spacing / spacing[:, None]),
        bends=_draw_bends(rng, plan.patch_shape, ~coarse),
    )


def sampled_index(
    deformations: tuple[Deformation, ...],
    centres: Float32[Tensor, "batch 3"],
    patch_shape: Shape3,
) -> Float32[Tensor, "batch i j k 3"]:
    """Fractional index, inside each sample's box, of every voxel of its patch."""
    device = centres.device
    matrices = np.stack([each.matrix for each in deformations]).astype(np.float32)
    matrix = torch.from_numpy(matrices).to(device)
    steps = [torch.arange(n, device=device) - (n - 1) / 2 for n in patch_shape]
    along = [
        offsets.view([-1 if axis == other else 1 for other in range(3)] + [1])
        * matrix[:, None, None, None, :, axis]
        for axis, offsets in enumerate(steps)
    ]
    index = (along[0] + centres[:, None, None, None]) + along[1] + along[2]
    bent = [n for n, each in enumerate(deformations) if each.bends is not None]
    for n in bent:
        bends = torch.from_numpy(deformations[n].bends).to(index)
        index[n] += _splines(bends, patch_shape) @ matrix[n].T
    return index


def _draw_bends(
    rng: np.random.Generator, patch_shape: Shape3, is_bent: np.ndarray
) -> Float[np.ndarray, "3 p p p"] | None:
    if rng.random() >= _ELASTIC_CHANCE:
        return None
    interval = np.array(patch_shape) / _ELASTIC_INTERVALS * is_bent
    most = (rng.uniform(0, _LARGEST_BEND) * interval)[:, None, None, None]
    return np.asarray(most * rng.uniform(-1, 1, (3, *(_ELASTIC_INTERVALS + 3,) * 3)))


def _rotation(angles_rad: np.ndarray) -> np.ndarray:
    """Rotations about the three axes, one after the other."""
    (ci, cj, ck), (si, sj, sk) = np.cos(angles_rad), np.sin(angles_rad)
    about_i = np.array([[1, 0, 0], [0, ci, -si], [0, si, ci]])
    about_j = np.array([[cj, 0, sj], [0, 1, 0], [-sj, 0, cj]])
    about_k = np.array([[ck, -sk, 0], [sk, ck, 0], [0, 0, 1]])
    return np.asarray(about_i @ about_j @ about_k)


def _splines(
    bends: Float32[Tensor, "3 p p p"], patch_shape: Shape3
) -> Float32[Tensor, "i j k 3"]:
    """Displacement of every voxel of a patch from those of the control points."""
    weights = [_spline_weights(n).to(bends) for n in patch_shape]
    along_k = torch.einsum("dpqr,kr->dpqk", bends, weights[2])
    along_j = torch.einsum("dpqk,jq->dpjk", along_k, weights[1])
    return torch.einsum("dpjk,ip->ijkd", along_j, weights[0])


def _spline_weights(voxels: int) -> Float32[Tensor, "voxel p"]:
    """Weight of each control point for each voxel: uniform cubic B-splines."""
    place = (torch.arange(voxels) + 0.5) / voxels * _ELASTIC_INTERVALS
    first = place.floor()
    t = place - first
    pieces = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    weights = torch.zeros(voxels, _ELASTIC_INTERVALS + 3)
    for offset, piece in enumerate(pieces):
        weights[torch.arange(voxels), first.long() + offset] = piece
    return weights
