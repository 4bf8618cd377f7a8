"""What opening a panel costs; how long it takes is in docs/measure_panels.py."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.gui, pytest.mark.slow]

CODE = """
import importlib, sys
import npe2
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

application = QApplication([])
manifest = npe2.PluginManifest.from_distribution("medseg")
names = {c.id: c.python_name for c in manifest.contributions.commands}
panels = []
for contribution in manifest.contributions.widgets:
    module, _, attribute = names[contribution.command].partition(":")
    panels.append(getattr(importlib.import_module(module), attribute)(ViewerModel()))
module, _, attribute = manifest.on_activate.partition(":")
getattr(importlib.import_module(module), attribute)(None)
heavy = ("torch", "monai", "SimpleITK", "matplotlib.pyplot", "highdicom", "pandas")
heavy += ("scipy.ndimage",)
print(len(panels), [name for name in heavy if name in sys.modules])
"""


def test_opening_any_panel_imports_neither_torch_nor_monai():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )

    panels, _, heavy = done.stdout.strip().partition(" ")
    assert int(panels) >= 3
    assert heavy == "[]"
