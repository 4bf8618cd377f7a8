"""Tests of the napari plugin: skipped as a whole where napari is not installed.

Most of them need no window. Those marked `gui` open one, and are skipped where there is
no display (`xvfb-run -a -s "-screen 0 1600x1000x24" python -m pytest` makes one).
"""

import os
import sys
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

import pytest

import medseg
from medseg.core.plan import IntensityStatistics, Normalisation, NormalisationKind
from tests.core.making import save_untrained
from tests.plugin.scans import LABELS

_LONGEST_TEST_S = 600
collect_ignore_glob = [] if find_spec("napari") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    if sys.platform != "linux" or os.environ.get("DISPLAY"):
        return
    no_display = pytest.mark.skip(reason="needs a display: run it under xvfb-run")
    for item in items:
        if item.get_closest_marker("gui"):
            item.add_marker(no_display)


@pytest.fixture(autouse=True)
def settings_of_its_own(tmp_path_factory):
    """What Qt remembers between starts is another's for each test, never the user's."""
    if find_spec("napari"):
        qt = import_module("qtpy.QtCore").QSettings
        folder = str(tmp_path_factory.mktemp("settings"))
        qt.setPath(qt.Format.IniFormat, qt.Scope.UserScope, folder)


@pytest.fixture
def clipboard(qapp):
    """What was copied; no other test copies meanwhile.

    All programs of a display share one clipboard, and tests that run side by side would
    take it from each other: every test that looks at it asks for it here.
    """
    display = os.environ.get("DISPLAY", "").replace(":", "").replace("/", "-")
    lock = import_module("qtpy.QtCore").QLockFile(
        str(Path(gettempdir()) / f"medseg-tests-clipboard-{display}.lock")
    )
    lock.setStaleLockTime(0)  # that of a process that is gone is stale all the same
    assert lock.tryLock(_LONGEST_TEST_S * 1000)
    yield qapp.clipboard()
    lock.unlock()


@pytest.fixture
def medseg_plugin(npe2pm):
    """Napari with this plugin and no other, without a window."""
    with npe2pm.tmp_plugin(package="medseg") as plugin:
        yield plugin


@pytest.fixture
def own_preferences(request):
    """Preferences of no user; napari before 0.9 keeps none at all."""
    if hasattr(import_module("napari.settings"), "get_plugin_settings"):
        request.getfixturevalue("plugin_settings")


@pytest.fixture
def settings_page(own_preferences, medseg_plugin):  # noqa: ARG001 - both are in force
    """What the user sets under Preferences > MedSeg."""
    read = getattr(import_module("napari.settings"), "get_plugin_settings", None)
    if read is None:
        pytest.skip("napari before 0.9 has no page for a plugin's settings")
    return read("medseg")


@pytest.fixture(scope="session")
def untrained_model(tmp_path_factory) -> Path:
    """Folder of a real model of two structures that has learned nothing."""
    return save_untrained(_PLAN, tmp_path_factory.mktemp("models") / "untrained")


@pytest.fixture(scope="session")
def model_with_a_head(tmp_path_factory) -> Path:
    """The same with an instance head, which has learned nothing either."""
    head = medseg.InstanceHead(things=("liver tumour",), sigma_mm=3.0)
    folder = tmp_path_factory.mktemp("models") / "learned"
    return save_untrained(replace(_PLAN, head=head), folder)


_PLAN = medseg.Plan(
    channels=("CT",),
    labels=LABELS,
    spacing_mm=(2.0, 2.0, 4.0),
    patch_shape=(16, 16, 8),
    batch_size=1,
    normalisation=(
        Normalisation(
            kind=NormalisationKind.CT,
            statistics=IntensityStatistics(
                mean=40.0, sd=200.0, percentile_00_5=-900.0, percentile_99_5=400.0
            ),
        ),
    ),
    widths=(4, 4, 4),
    kernels=((3, 3, 3),) * 3,
    strides=((1, 1, 1), (2, 2, 2), (2, 2, 2)),
    mirror_axes=(),
)
