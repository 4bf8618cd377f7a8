"""Deformations of a plausible patient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.interpolate import BSpline

from medseg.training.deformation import Deformation, draw_deformation, sampled_index
from medseg.training.samples import counter_rng
from tests.core.making import TINY_PLAN


def drawn(spacing_mm=(1.0, 1.0, 1.0), mirror_axes=(), count=150) -> list[Deformation]:
    plan = replace(TINY_PLAN, spacing_mm=spacing_mm, mirror_axes=mirror_axes)
    return [draw_deformation(counter_rng(0, n, 0), plan) for n in range(count)]


def matrices_mm(spacing_mm, mirror_axes=()) -> np.ndarray:
    """As matrices on offsets in millimetres."""
    found = np.array([each.matrix for each in drawn(spacing_mm, mirror_axes)])
    scale = np.array(spacing_mm)
    return np.asarray(found * scale[:, None] / scale)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.7, 1.1, 2.0)])
def test_a_deformation_is_a_rotation_of_a_scaling_in_millimetres(spacing_mm):
    """So a sphere stays a sphere, up to its scaling, whatever the grid."""
    matrices = matrices_mm(spacing_mm)
    products = matrices.transpose(0, 2, 1) @ matrices
    scales = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    diagonals = np.eye(3) * (scales**2)[:, None]
    assert_allclose(products, diagonals, atol=1e-9)
    assert (scales > 0.8 * np.exp(-0.15) - 1e-9).all()
    assert (scales < 1.25 * np.exp(0.15) + 1e-9).all()
    assert (np.linalg.det(matrices) > 0).all()


def test_angles_stay_within_twenty_degrees_an_axis():
    matrices = matrices_mm((1.0, 1.0, 1.0))
    units = matrices / np.linalg.norm(matrices, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(((np.trace(units, 0, 1, 2) - 1) / 2).clip(-1, 1)))
    assert 20 < angles.max() < 60
    assert 0.35 < (angles < 1e-3).mean() < 0.65


def test_a_coarse_axis_is_not_mixed_with_the_others():
    matrices = matrices_mm((1.0, 1.0, 4.0))
    assert_allclose(matrices[:, 2, :2], 0, atol=1e-12)
    assert_allclose(matrices[:, :2, 2], 0, atol=1e-12)
    assert (np.abs(matrices[:, 0, 1]) > 0.01).any()


def test_half_the_patients_are_mirrored_where_the_plan_allows_it():
    assert (np.linalg.det(matrices_mm((1.0, 1.0, 1.0))) > 0).all()
    mirrored = np.linalg.det(matrices_mm((1.0, 1.0, 1.0), mirror_axes=(0,))) < 0
    assert 0.4 < mirrored.mean() < 0.6


def test_a_tenth_of_the_patients_are_bent_but_not_along_a_coarse_axis():
    found = [each.bends for each in drawn((1.0, 1.0, 4.0), count=400)]
    bent = [bends for bends in found if bends is not None]
    assert 0.06 < len(bent) / 400 < 0.15
    assert all((bends[2] == 0).all() and (bends[:2] != 0).any() for bends in bent)


def index_of(deformation: Deformation, patch=TINY_PLAN.patch_shape) -> np.ndarray:
    centre = torch.tensor([[30.0, 20.0, 10.0]])
    return np.asarray(sampled_index((deformation,), centre, patch)[0])


def test_bends_are_cubic_splines_as_scipy_knows_them():
    bends = np.random.default_rng(0).normal(size=(3, 7, 7, 7)).astype(np.float32)
    patch = (9, 8, 5)
    bent = index_of(Deformation(matrix=np.eye(3), bends=bends), patch)
    straight = index_of(Deformation(matrix=np.eye(3)), patch)
    expected = bends.transpose(1, 2, 3, 0)
    knots = np.arange(-3, 8)
    for axis, edge in enumerate(patch):
        places = (np.arange(edge) + 0.5) / edge * 4
        weights = BSpline.design_matrix(places, knots, 3).toarray()
        expected = np.moveaxis(np.tensordot(weights, expected, (1, axis)), 0, axis)
    assert_allclose(bent - straight, expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_patch_reaches_no_further_than_its_half_extent(number):
    plan = replace(TINY_PLAN, spacing_mm=(0.8, 1.0, 3.5))
    deformation = draw_deformation(counter_rng(1, number, 0), plan)
    if deformation.bends is None and number % 2:
        bends = np.random.default_rng(number).uniform(-2, 2, (3, 7, 7, 7))
        deformation = replace(deformation, bends=bends)
    away = np.abs(index_of(deformation) - [30, 20, 10]).max((0, 1, 2))
    assert (away <= deformation.half_extent_voxels(plan.patch_shape) + 1e-4).all()


def test_no_bend_folds_the_patient():
    """Neighbours stay in order: every Jacobian is positive."""
    bent = [each for each in drawn(count=400) if each.bends is not None]
    for deformation in bent:
        index = index_of(replace(deformation, matrix=np.eye(3)))
        jacobian = np.stack(np.gradient(index, axis=(0, 1, 2)), axis=-1)
        assert (np.linalg.det(jacobian) > 0).all()
