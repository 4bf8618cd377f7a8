import pytest
from napari.components import ViewerModel
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QMenu, QTextBrowser

from napari_medseg.activation import add_help, attend
from napari_medseg.help import help_page, shortcuts_of, show_help
from napari_medseg.shortcuts import SHORTCUTS
from napari_medseg.viewing.orientation import orient
from tests.plugin.widgets import part


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    attend(viewer)
    orient(viewer)
    return viewer


def test_the_page_lists_every_key_of_the_plugin(viewer):
    keys = {shortcut.keys for shortcut in shortcuts_of(viewer)}

    assert {shortcut.keys for shortcut in SHORTCUTS} <= keys
    assert {"Ctrl+1", "Ctrl+2", "Ctrl+3"} <= keys
    page = help_page(shortcuts_of(viewer))
    assert all(key in page for key in keys)
    assert all(shortcut.does for shortcut in shortcuts_of(viewer))


def test_the_page_says_what_medseg_is_not(viewer):
    assert "Research use only. Not a medical device." in help_page(shortcuts_of(viewer))


def test_no_key_is_one_of_naparis(viewer):
    ours = [QKeySequence(shortcut.keys) for shortcut in shortcuts_of(viewer)]
    taken = {str(key) for keys in default_shortcuts.values() for key in keys}
    menus = {
        *("Ctrl+N", "Ctrl+O", "Ctrl+Alt+O", "Ctrl+Shift+O", "Ctrl+S", "Ctrl+Shift+S"),
        *("Ctrl+Alt+S", "Alt+S", "Alt+Shift+S", "Alt+C", "Alt+Shift+C", "Ctrl+W"),
        *("Ctrl+Q", "Ctrl+,", "Ctrl+/", "Ctrl+Shift+P", "Ctrl+Alt+P", "Ctrl+M"),
        *("Ctrl+F", "Ctrl+H", "Ctrl+U", "Ctrl+Z", "Ctrl+Shift+Z"),
    }

    clashes = [key for key in ours if key in map(QKeySequence, taken | menus)]

    assert clashes == []
    assert len({key.toString() for key in ours}) == len(ours)


@pytest.mark.gui
def test_the_help_menu_has_medseg_once_however_often_napari_makes_it_anew(qtbot):
    menu = QMenu()
    qtbot.addWidget(menu)

    add_help(menu)
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == ["MedSeg"]
    menu.clear()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == ["MedSeg"]


@pytest.mark.gui
def test_help_opens_beside_the_viewer(qtbot, viewer):
    dialog = show_help(viewer)
    qtbot.addWidget(dialog)

    assert "Ctrl+PgDown" in part(dialog, "Help on MedSeg", QTextBrowser).toPlainText()
    assert not dialog.isModal()
