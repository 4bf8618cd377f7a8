"""Labels in short numbers beside those in float32, of the shipped models on cohorts.

    pytest tests/on_demand/test_short_numbers.py -o log_cli=true

Every structure of every case counts; the hippocampus of the decathlon is wanted at
`--real-data`.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import Device, InferenceSettings, Volume
from medseg.core.settings import Precision
from medseg.models import load_model
from medseg.networks import can_quantise
from tests.core.making import dice
from tests.core.networks.either_way import needs_compiler

PHANTOMS = 12
EXACT = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)
BFLOAT16 = replace(EXACT, precision=Precision.BFLOAT16)
INT8 = replace(EXACT, precision=Precision.INT8)
needs_vnni = pytest.mark.skipif(not can_quantise(), reason="not on this CPU")
SHORT = pytest.mark.parametrize(
    "short",
    [
        pytest.param(BFLOAT16, id="bfloat16"),
        pytest.param(INT8, id="int8", marks=needs_vnni),
        pytest.param(
            replace(INT8, compile=True),
            id="int8-compiled",
            marks=[needs_vnni, needs_compiler],
        ),
    ],
)


@SHORT
def test_organs_of_phantoms_overlap_by_998_thousandths_at_least(
    short: InferenceSettings,
):
    volumes = (medseg.make_phantom(seed).volume for seed in range(PHANTOMS))
    found = compared("phantom-abdomen", volumes, short)
    tumours = found.pop("liver tumour")
    assert len(found) == 4
    assert min(min(values) for values in found.values()) >= 0.998
    assert np.median(tumours) >= (0.995 if short.precision is Precision.INT8 else 0.998)


@SHORT
def test_the_hippocampus_overlaps_by_997_thousandths_at_the_median(
    short: InferenceSettings, real_data: Path
):
    files = sorted(real_data.rglob("Task04_Hippocampus/imagesTr/hippocampus_*.nii.gz"))
    volumes = (medseg.read_volume(file) for file in files)
    found = compared("hippocampus", volumes, short)
    every = [value for values in found.values() for value in values]
    assert len(every) >= 400
    assert np.median(every) >= 0.997
    assert min(every) >= 0.99


def compared(
    name: str, volumes: Iterable[Volume], short: InferenceSettings
) -> dict[str, list[float]]:
    """Dice of the two label maps, of every structure that is in either."""
    model = load_model(name)
    found: dict[str, list[float]] = {}
    for volume in volumes:
        maps = [medseg.segment(volume, model, each).array for each in (EXACT, short)]
        for structure in model.info.plan.labels:
            exact, rounded = (each == structure.id for each in maps)
            if exact.any() or rounded.any():
                found.setdefault(structure.name, []).append(dice(exact, rounded))
    way = f"{short.precision}, compiled" if short.compile else short.precision
    for line in _figures(f"{name} in {way}", found):
        logging.getLogger(__name__).info("%s", line)
    return found


def _figures(name: str, found: dict[str, list[float]]) -> Iterator[str]:
    for structure, values in found.items():
        yield (
            f"{name}, {structure}: {len(values)} cases, Dice median "
            f"{np.median(values):.4f}, least {min(values):.4f}"
        )
