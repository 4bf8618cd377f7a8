"""Options of the long tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds", type=float, default=120, help="Time for each loader."
    )
    parser.addoption("--fuzz-seed", type=int, default=0, help="What to draw from.")
