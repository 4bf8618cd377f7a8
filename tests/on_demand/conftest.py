"""Options of the long tests."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds", type=float, default=120, help="Time for each loader."
    )
    parser.addoption("--fuzz-seed", type=int, default=0, help="What to draw from.")
    parser.addoption(
        "--nnunet-model",
        type=Path,
        help="Results folder of a training of nnU-Net on the decathlon's hippocampus.",
    )
    parser.addoption("--soak-cases", type=int, default=1000, help="Scans, some bad.")
    parser.addoption("--soak-kills", type=int, default=20, help="Moments of kill -9.")
    parser.addoption("--soak-shards", type=int, default=4, help="Parts of a run.")
