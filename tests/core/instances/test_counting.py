"""Which structures are counted, and lesions that have several labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import medseg
from tests.core.instances.scenes import CYST, LIVER, SPLEEN, TUMOUR, label_map
from tests.core.making import ellipsoid

CORE, RIM, EDEMA, BRAIN = 3, 1, 2, 4
GLIOMA = ("edema", "tumour core", "tumour rim")
LABELS = medseg.LabelSet.from_names(
    [(CORE, "tumour core"), (RIM, "tumour rim"), (EDEMA, "edema"), (BRAIN, "brain")]
)


def glioma() -> medseg.Segmentation:
    """Three balls in one another, the middle one cut in two by the core."""
    grid = medseg.Geometry.from_spacing((48, 40, 24), (1.0, 1.0, 2.0))
    middle = grid.centre_ras_mm
    array = np.full(grid.shape, BRAIN, np.uint8)
    array[ellipsoid(grid, (20.0, 16.0, 14.0), middle)] = EDEMA
    array[ellipsoid(grid, (12.0, 9.0, 9.0), middle)] = RIM
    array[ellipsoid(grid, (5.0, 12.0, 12.0), middle)] = CORE
    return medseg.Segmentation(array=array, geometry=grid, labels=LABELS)


def test_a_lesion_of_several_labels_is_counted_and_measured_as_one():
    labels = glioma()
    apart = medseg.separate_instances(labels)
    whole = medseg.merged_structures(labels, "glioma", GLIOMA)
    (lesion,) = medseg.measure_instances(medseg.separate_instances(whole))

    assert len(apart.instances) == 4  # the rim is on both sides of the core
    assert lesion.structure.name == "glioma"
    assert lesion.longest_axial_mm == pytest.approx(40, abs=1.5)
    assert lesion.perpendicular_mm == pytest.approx(32, abs=1.5)
    assert lesion.volume_ml == pytest.approx(4 / 3 * np.pi * 2.0 * 1.6 * 1.4, rel=0.02)
    assert lesion.organ == LABELS["brain"]
    assert whole.notes == ("glioma: tumour rim + edema + tumour core",)


@given(
    values=st.lists(st.sampled_from([0, LIVER, SPLEEN, TUMOUR, CYST]), min_size=1),
    parts=st.sets(st.sampled_from(["liver", "tumour", "cyst"]), min_size=1),
)
def test_merged_is_the_union_and_nothing_else_changes(values, parts):
    before = label_map(np.array(values).reshape(-1, 1, 1))
    untouched = before.array.copy()

    after = medseg.merged_structures(before, "all of it", parts)

    union = np.any([before.mask(name) for name in parts], axis=0)
    np.testing.assert_array_equal(after.mask("all of it"), union)
    assert after.labels["all of it"].kind is medseg.StructureKind.THING
    others = set(before.labels.names) - parts
    assert set(after.labels.names) == {"all of it", *others}
    for name in others:
        np.testing.assert_array_equal(after.mask(name), before.mask(name))
    np.testing.assert_array_equal(before.array, untouched)


def test_the_name_of_a_part_may_be_that_of_the_whole():
    whole = medseg.merged_structures(glioma(), "edema", GLIOMA)
    assert set(whole.labels.names) == {"edema", "brain"}


@pytest.mark.parametrize(
    ("name", "parts", "told"),
    [
        ("glioma", ["edema", "tumor"], "there is no structure 'tumor'"),
        ("brain", GLIOMA, "there is a structure 'brain' already"),
        ("glioma", [], "'glioma' is merged from no structure"),
    ],
)
def test_what_cannot_be_merged_is_told(name, parts, told):
    with pytest.raises(medseg.WrongUse, match=told) as caught:
        medseg.merged_structures(glioma(), name, parts)
    assert caught.value.code is medseg.ErrorCode.INVALID_OPTION
