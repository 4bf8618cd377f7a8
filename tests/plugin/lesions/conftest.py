"""The Lesions panel in a viewer of a test."""

from importlib import import_module

import pytest


@pytest.fixture
def open_panel(qtbot):
    panels = []

    def open_(viewer):
        module = import_module("napari_medseg.lesions.widget")
        panel = module.LesionsWidget(viewer)
        qtbot.addWidget(panel)
        panels.append(panel)
        return panel

    yield open_
    for panel in panels:
        panel.end()
