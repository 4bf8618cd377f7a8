"""Finding parts of a panel the way a screen reader does, by their names."""

from typing import TypeVar

from qtpy.QtWidgets import QLabel, QWidget

Part = TypeVar("Part", bound=QWidget)


def part(panel: QWidget, name: str, kind: type[Part]) -> Part:
    (found,) = (w for w in panel.findChildren(kind) if w.accessibleName() == name)
    return found


def message(panel: QWidget, name: str) -> str:
    return part(panel, name, QLabel).text()
