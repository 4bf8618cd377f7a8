"""The Correct panel on a scan and labels that a model made of it."""

from importlib import import_module

import pytest

from tests.plugin.scans import marker_scan


@pytest.fixture
def viewer():
    handling = import_module("tests.plugin.correct.handling")
    return handling.filled(marker_scan(), handling.made_by_a_model())


@pytest.fixture
def panel(qtbot, viewer):
    panel = import_module("napari_medseg.correct.widget").CorrectWidget(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.is_at_rest, timeout=30_000)
    yield panel
    panel.end()
