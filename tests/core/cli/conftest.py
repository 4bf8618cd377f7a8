"""Models small enough to run in a moment."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.making import TINY_PLAN, save_untrained


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained model of MR scans of one channel, 6 mm voxels."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    plan = replace(TINY_PLAN, spacing_mm=(6.0, 6.0, 6.0), patch_shape=(32, 32, 32))
    return save_untrained(plan, folder)


@pytest.fixture(scope="session")
def ct_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained model of CT scans, 9 mm voxels."""
    plan = replace(TINY_PLAN, channels=("CT",), spacing_mm=(9.0, 9.0, 9.0))
    return save_untrained(plan, tmp_path_factory.mktemp("models") / "tiny-ct")
