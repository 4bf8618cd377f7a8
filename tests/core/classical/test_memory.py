"""What methods say they take of main memory, and what they take."""

import subprocess
import sys
from pathlib import Path

import pytest

import medseg
from medseg.classical.memory import BYTES_A_VOXEL, require_memory

EDGE = 128
FIXED_BYTES = 48e6  # of libraries, threads and tables, whatever the scan
MEASURE = """
import resource, sys
import numpy as np
import scipy.ndimage
import medseg
from medseg.classical import images

name, edge = sys.argv[1], int(sys.argv[2])
c = medseg.classical
where = np.indices((edge,) * 3, np.int16)
radius = np.sqrt(((where - edge / 2.0) ** 2).sum(axis=0))
values = np.where(radius < edge * 0.45, 40, -1000).astype(np.int16)
values[radius < edge * 0.2] = -850
values += np.random.default_rng(0).normal(0, 15, values.shape).astype(np.int16)
grid = medseg.Geometry.from_spacing(values.shape, (1.0, 1.0, 1.5))
scan = medseg.Volume(array=values[None], geometry=grid, channels=("CT",))
old = medseg.Segmentation(
    array=(values > -500).astype(np.uint8),
    geometry=grid,
    labels=medseg.LabelSet.from_names([(1, "x")]),
)
seed = grid.to_world((edge // 2, edge // 2, round(0.85 * edge)))
grow = c.GrowSettings(lower=-100.0)
method = getattr(c, name.replace("-", "_"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
match name:
    case "threshold":
        method(scan, c.ThresholdSettings(lower=0.0))
    case "grow":
        method(scan, seed, grow)
    case "grow-by-confidence":
        method(scan, seed)
    case "watershed-from-markers":
        method(scan, old)
    case "active-contour":
        method(scan, old, "x", c.ContourSettings(iterations=2))
    case "smooth" | "fill-holes" | "keep-largest" | "split-touching" | "cut-touching":
        method(old, "x")
    case _:
        method(scan)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="units of getrusage differ")
@pytest.mark.parametrize("method", BYTES_A_VOXEL)
def test_a_method_takes_no_more_than_it_says(method, tmp_path: Path):
    script = tmp_path / "measure.py"
    script.write_text(MEASURE)

    words = [sys.executable, str(script), method, str(EDGE)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert int(done.stdout) < BYTES_A_VOXEL[method] * EDGE**3 + FIXED_BYTES


def test_what_would_not_fit_is_refused_before_it_begins():
    with pytest.raises(medseg.UnusableInput, match=r"OUT_OF_MEMORY.*Look in a box"):
        require_memory("watershed", (2**20, 2**20, 2**10), "case")


def test_every_command_has_its_memory():
    methods = {name.replace("-", "_") for name in BYTES_A_VOXEL}

    assert methods <= set(medseg.classical.__all__)
