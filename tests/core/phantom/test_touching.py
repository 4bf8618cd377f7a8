import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg

EVERYWHERE = np.ones((3, 3, 3))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tumours_touch_and_lie_in_the_liver(seed):
    phantom = medseg.make_touching_tumours(seed)

    count = int(phantom.tumours.max())
    tumour = phantom.reference.mask("liver tumour")
    assert_array_equal(phantom.tumours > 0, tumour)
    assert 2 <= count == len(np.unique(phantom.tumours)) - 1
    pieces = ndimage.label(tumour, EVERYWHERE)[1]
    assert pieces <= count / 2
    around = ndimage.binary_dilation(tumour, EVERYWHERE) & ~tumour
    assert phantom.reference.mask("liver")[around].mean() > 0.97


def test_a_seed_gives_the_same_phantom_and_another_gives_another():
    first, again = medseg.make_touching_tumours(4), medseg.make_touching_tumours(4)

    assert_array_equal(first.volume.array, again.volume.array)
    assert_array_equal(first.tumours, again.tumours)
    assert (medseg.make_touching_tumours(5).tumours != first.tumours).any()


def test_tumours_are_darker_than_the_liver_and_darkest_inside():
    phantom = medseg.make_touching_tumours(0)
    hu = phantom.volume.array[0]
    tumour = phantom.reference.mask("liver tumour")
    middle = ndimage.binary_erosion(tumour, iterations=3)

    assert (
        hu[middle].mean()
        < hu[tumour].mean()
        < hu[phantom.reference.mask("liver")].mean()
    )


def test_a_negative_seed_is_refused():
    with pytest.raises(medseg.WrongUse, match="INVALID_OPTION"):
        medseg.make_touching_tumours(-1)
