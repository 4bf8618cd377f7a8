"""What the Lesions panel asks about a lesion, in words and units."""

import pytest
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QListWidget

from napari_medseg.lesions.rules_form import RulesForm

pytestmark = pytest.mark.gui


@pytest.fixture
def form(qtbot):
    form = RulesForm()
    qtbot.addWidget(form)
    form.show_unit("HU")
    return form


def test_every_number_names_its_unit_in_its_tooltip(form):
    units = {
        number.accessibleName(): (number.suffix().strip(), number.toolTip())
        for number in form.findChildren(QDoubleSpinBox)
    }

    assert {name: unit for name, (unit, _) in units.items() if unit} == {
        "Neck depth": "mm",
        "Contrast": "HU",
        "Smoothing": "mm",
        "Min. distance": "mm",
        "Min. volume": "mm³",
    }
    assert [name for name, (unit, tip) in units.items() if unit not in tip] == []


def test_every_control_has_a_name_and_a_tooltip(form):
    kinds = QComboBox, QDoubleSpinBox, QListWidget
    controls = [control for kind in kinds for control in form.findChildren(kind)]

    assert len(controls) == 10
    assert [c for c in controls if not (c.accessibleName() and c.toolTip())] == []
