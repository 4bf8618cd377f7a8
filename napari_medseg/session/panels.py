"""Which panels are open and what is set in them, by the names of their controls."""

import re
from typing import Protocol, runtime_checkable

from napari.components import ViewerModel
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QSpinBox,
    QWidget,
)

from napari_medseg.controls.panel import Panel
from napari_medseg.session.state import PanelEntry, Value

PLUGIN = "medseg"
_DOCK_ENDING = re.compile(r" \(medseg\)$", re.IGNORECASE)  # napari writes either


@runtime_checkable
class KeepsState(Protocol):
    """A panel that has more to say than what is set in its controls."""

    def session_state(self) -> dict[str, str]:
        """What brings it back to where it is."""

    def restore_session_state(self, state: dict[str, str]) -> None:
        """Go back to where it was."""


def open_panels(viewer: ViewerModel) -> tuple[PanelEntry, ...]:
    """The panels in the viewer's window; none where it has no window."""
    return tuple(
        PanelEntry(name=name, settings=settings_of(panel))
        for name, panel in _panels(viewer).items()
    )


def restore_panels(viewer: ViewerModel, entries: tuple[PanelEntry, ...]) -> None:
    """Open the panels that are not open yet, and set what was set in all of them."""
    window = getattr(viewer, "window", None)
    if window is None:
        return
    for entry in entries:
        panel = _panels(viewer).get(entry.name)
        if panel is None:
            _, panel = window.add_plugin_dock_widget(PLUGIN, entry.name)
        restore_settings(panel, entry.settings)


def settings_of(panel: QWidget) -> dict[str, Value]:
    """Value of each control that has a name."""
    if isinstance(panel, KeepsState):
        return dict(panel.session_state())
    values: dict[str, Value] = {}
    for box in panel.findChildren(QComboBox):
        values[box.accessibleName()] = box.currentText()
    for check in panel.findChildren(QCheckBox):
        values[check.accessibleName()] = check.isChecked()
    for whole in panel.findChildren(QSpinBox):
        values[whole.accessibleName()] = whole.value()
    for number in panel.findChildren(QDoubleSpinBox):
        values[number.accessibleName()] = number.value()
    values.pop("", None)
    return values


def restore_settings(panel: QWidget, values: dict[str, Value]) -> None:
    """Set each control that is still there to what it was."""
    if isinstance(panel, KeepsState):
        panel.restore_session_state({name: str(v) for name, v in values.items()})
        return
    for box in panel.findChildren(QComboBox):
        index = box.findText(str(values.get(box.accessibleName(), "")))
        if index >= 0 and index != box.currentIndex():
            box.setCurrentIndex(index)
            box.activated.emit(index)  # as if the user had
    for check in panel.findChildren(QCheckBox):
        check.setChecked(bool(values.get(check.accessibleName(), check.isChecked())))
    for whole in panel.findChildren(QSpinBox):
        whole.setValue(int(values.get(whole.accessibleName(), whole.value())))
    for number in panel.findChildren(QDoubleSpinBox):
        number.setValue(float(values.get(number.accessibleName(), number.value())))


def _panels(viewer: ViewerModel) -> dict[str, Panel]:
    window = getattr(viewer, "window", None)
    docks = {} if window is None else window.dock_widgets
    return {
        _DOCK_ENDING.sub("", name): panel
        for name, panel in docks.items()
        if isinstance(panel, Panel)
    }
