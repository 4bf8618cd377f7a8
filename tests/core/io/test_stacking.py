from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import SourceSlice, UnusableInput
from tests.core.making import volume_of

GRID = medseg.Geometry.from_spacing((4, 5, 6), (1.0, 2.0, 3.0))


def scan(value, geometry=GRID, **more):
    return volume_of(np.full(geometry.shape, value, np.int16), geometry, **more)


def test_scans_become_the_channels_of_one_in_order():
    t1 = scan(1, case_id="c1", sha256="a" * 64, notes=("one",))
    flair = scan(2, sha256="b" * 64, notes=("two",))

    both = medseg.stack_channels({"T1": t1, "FLAIR": flair})

    assert both.channels == ("T1", "FLAIR")
    assert [int(channel.max()) for channel in both.array] == [1, 2]
    assert both.case_id == "c1"
    assert both.notes == ("one", "two")
    assert len({both.sha256, t1.sha256, flair.sha256}) == 3


def test_one_scan_only_gets_a_name():
    one = medseg.stack_channels({"T1": scan(1, sha256="a" * 64)})

    assert one.channels == ("T1",)
    assert one.sha256 == "a" * 64


def test_dicom_output_refers_to_the_series_of_the_first():
    slices = tuple(SourceSlice(path=Path(f"{n}.dcm")) for n in range(6))

    both = medseg.stack_channels({"T1": scan(1, source=slices), "T2": scan(2)})

    assert both.source == slices


def test_a_scan_made_in_memory_has_no_hash():
    both = medseg.stack_channels({"T1": scan(1, sha256="a" * 64), "T2": scan(2)})

    assert both.sha256 == ""


def test_a_scan_of_several_channels_is_refused():
    both = medseg.stack_channels({"T1": scan(1), "T2": scan(2)})

    with pytest.raises(UnusableInput, match="CHANNEL_MISMATCH"):
        medseg.stack_channels({"PT": scan(1), "both": both})


def test_no_scan_is_refused():
    with pytest.raises(medseg.WrongUse, match="there is no scan"):
        medseg.stack_channels({})


def test_scans_on_two_grids_are_refused():
    moved = medseg.Geometry.from_spacing((4, 5, 6), (1.0, 2.0, 3.0), (9.0, 0.0, 0.0))

    with pytest.raises(UnusableInput, match="GRID_MISMATCH"):
        medseg.stack_channels({"T1": scan(1), "T2": scan(2, moved)})
