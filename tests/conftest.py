"""What every test may use."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("short", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=3000, deadline=None)
settings.load_profile("short")  # --hypothesis-profile long for the other


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Torch draws the same numbers in a test whatever ran before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real-data",
        type=Path,
        default=Path(__file__).parents[1] / "../shared/data",
        help="Folder of real scans; tests that need it are skipped where it is absent.",
    )
    parser.addoption(
        "--nnunet-python",
        type=Path,
        help="Python of an environment with nnU-Net v2; without it, what compares "
        "MedSeg with nnU-Net's trainer is skipped.",
    )


@pytest.fixture(scope="session")
def nnunet_python(request: pytest.FixtureRequest) -> Path:
    python: Path | None = request.config.getoption("--nnunet-python")
    if python is None:
        pytest.skip("no --nnunet-python")
    return python


@pytest.fixture(scope="session")
def real_data(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.config.getoption("--real-data").resolve()
    if not folder.is_dir():
        pytest.skip(f"no real scans at {folder}")
    return folder
