"""Tests of passes over features as they are, and compiled where there is a compiler."""

import shutil

import pytest

from medseg.networks import can_quantise
from medseg.networks.fused_passes import fused_passes
from medseg.networks.passes import Passes

COMPILER = shutil.which("g++")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no compiler here")
needs_vnni = pytest.mark.skipif(
    not can_quantise(), reason="this CPU has no instructions for 8-bit integers"
)

EITHER_WAY = pytest.mark.parametrize(
    "passes",
    [Passes, pytest.param(fused_passes, marks=needs_compiler)],
    ids=["plain", "compiled"],
)
COMPILED_OR_NOT = pytest.mark.parametrize(
    "compiled",
    [False, pytest.param(True, marks=needs_compiler)],
    ids=["plain", "compiled"],
)
