"""What holds of both sections that compare with other labels: follow-up, reference."""

from dataclasses import dataclass
from threading import Event

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog, QPushButton, QTabWidget

from napari_medseg.lesions import following, judging_section
from tests.plugin.lesions.handling import (
    STATUS,
    add,
    choose,
    column,
    paint,
    press,
    separate_instances,
)
from tests.plugin.lesions.scene import LPS, lesion_labels
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
TABS = "Lesions, follow-up or reference"


@dataclass(frozen=True, kw_only=True)
class Section:
    box: str
    button: str
    table: str
    header: str
    tab: int
    words: str
    module: object
    work: str

    def is_empty(self, panel):
        return column(panel, self.header, self.table) == []

    def shown(self, panel):
        """The rows, and what is said of them."""
        return column(panel, self.header, self.table), message(panel, self.words)

    def changed(self, how):
        again = self.button.lower()
        return f"The {self.box.lower()} was {how} since: {again} again."


FOLLOW_UP = Section(
    box="Baseline",
    button="Compare",
    table="Followed lesions",
    header="Status",
    tab=1,
    words="Followed in all",
    module=following,
    work="followed",
)
REFERENCE = Section(
    box="Reference",
    button="Score",
    table="Judged lesions",
    header="Status",
    tab=2,
    words="Judged in all",
    module=judging_section,
    work="judged",
)


@pytest.fixture(params=[FOLLOW_UP, REFERENCE], ids=["follow-up", "reference"])
def section(request):
    return request.param


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def panel(qtbot, open_panel, viewer, section):
    add(viewer, lesion_labels(LPS), "ours")
    add(viewer, lesion_labels(LPS), "theirs")
    panel = open_panel(viewer)
    choose(panel, "Labels", "ours")
    separate_instances(qtbot, panel)
    choose(panel, section.box, "theirs")
    return panel


@pytest.fixture
def copied(panel, clipboard):
    """Presses Copy; gives what is on the clipboard then, and what is told."""

    def copy():
        clipboard.setText("before")
        part(panel, "Copy", QPushButton).click()
        return clipboard.text(), message(panel, STATUS)

    return copy


def look_at(panel, section):
    part(panel, TABS, QTabWidget).setCurrentIndex(section.tab)


def move(layer):
    layer.translate = layer.translate + 3.0


def test_labels_edited_while_it_is_made_have_no_result(
    qtbot, panel, viewer, section, monkeypatch
):
    may_end, make = Event(), getattr(section.module, section.work)

    def held_up(*args):
        made = make(*args)
        may_end.wait(20)
        return made

    monkeypatch.setattr(section.module, section.work, held_up)
    with qtbot.waitSignal(panel.background.finished, timeout=30_000):
        part(panel, section.button, QPushButton).click()
        paint(viewer.layers["ours"], 2)
        may_end.set()

    assert message(panel, STATUS).startswith("The labels were edited since")
    assert section.is_empty(panel)
    assert not part(panel, "Copy", QPushButton).isEnabled()


def test_an_edit_undone_while_the_layer_is_hidden_leaves_nothing_to_copy(
    qtbot, panel, viewer, section, copied
):
    """A hidden layer announces no undo."""
    theirs = viewer.layers["theirs"]
    paint(theirs, 2)
    press(qtbot, panel, section.button)
    theirs.visible = False

    theirs.undo()

    assert copied() == ("before", section.changed("edited"))
    assert section.is_empty(panel)


def test_what_was_made_before_an_edit_is_gone_once_it_is_made_anew(
    qtbot, panel, viewer, section, copied
):
    """Also where that is cancelled, and nobody has paused since the edit."""
    press(qtbot, panel, section.button)
    paint(viewer.layers["theirs"], 2)

    with qtbot.waitSignal(panel.background.finished, timeout=30_000):
        part(panel, section.button, QPushButton).click()
        part(panel, "Cancel", QPushButton).click()

    assert section.is_empty(panel)
    look_at(panel, section)
    again = section.button.lower()
    assert copied() == ("before", f"This tab has no table yet: {again} first.")


def test_what_is_shown_stays_when_it_is_made_anew_and_cancelled(
    qtbot, panel, section, copied
):
    press(qtbot, panel, section.button)
    shown = section.shown(panel)
    look_at(panel, section)
    table, _ = copied()

    with qtbot.waitSignal(panel.background.finished, timeout=30_000):
        part(panel, section.button, QPushButton).click()
        part(panel, "Cancel", QPushButton).click()

    assert message(panel, STATUS) == "Cancelled. Nothing was changed."
    assert section.shown(panel) == shown
    assert shown[0] != []
    assert copied() == (table, "Copied.")


def test_labels_moved_since_are_compared_no_more(qtbot, panel, viewer, section, copied):
    press(qtbot, panel, section.button)

    move(viewer.layers["theirs"])

    told = section.changed("moved")
    qtbot.waitUntil(lambda: section.is_empty(panel))
    assert message(panel, STATUS) == told
    assert section.shown(panel) == ([], told)
    assert copied() == ("before", told)


@pytest.mark.parametrize("how", ["edited", "moved"])
def test_what_is_of_lesions_as_they_were_is_marked_until_that_is_undone(
    qtbot, panel, viewer, section, how
):
    press(qtbot, panel, section.button)
    rows, words = section.shown(panel)
    ours = viewer.layers["ours"]
    was = int(ours.data[0, 0, 0]), tuple(ours.translate)
    lesions = message(panel, "Lesions in all")

    if how == "edited":
        paint(ours, 2)
    else:
        move(ours)
    stale = f"Out of date: {words}"
    qtbot.waitUntil(lambda: section.shown(panel) == (rows, stale))
    assert message(panel, "Lesions in all") == f"Out of date: {lesions}"
    told = f"The labels were {how} since: separate the lesions again."
    assert message(panel, STATUS) == told
    assert not part(panel, "Copy", QPushButton).isEnabled()

    paint(ours, was[0])
    ours.translate = was[1]
    qtbot.waitUntil(lambda: section.shown(panel) == (rows, words))
    assert message(panel, "Lesions in all") == lesions
    assert part(panel, "Copy", QPushButton).isEnabled()


def test_labels_are_not_compared_with_themselves(panel, section):
    choose(panel, section.box, "ours")

    part(panel, section.button, QPushButton).click()

    assert not panel.background.is_busy
    assert message(panel, STATUS) == "Choose two different layers."
    assert section.is_empty(panel)


def test_a_tab_without_a_table_copies_none_and_says_why(
    qtbot, panel, viewer, section, copied
):
    press(qtbot, panel, section.button)
    paint(viewer.layers["theirs"], 2)
    qtbot.waitUntil(lambda: section.is_empty(panel))

    assert copied() == ("before", section.changed("edited"))
    part(panel, TABS, QTabWidget).setCurrentIndex(0)
    lesions, told = copied()
    assert len(lesions.splitlines()) == 3
    assert told == "Copied."


def test_a_tab_without_a_table_saves_none(panel, section, tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    look_at(panel, section)

    part(panel, "Save CSV", QPushButton).click()

    assert not path.exists()
    assert message(panel, STATUS).startswith("This tab has no table yet")


def test_another_layer_chosen_while_it_is_made_is_not_taken_for_the_one_compared(
    qtbot, panel, viewer, section
):
    add(viewer, lesion_labels(LPS, has_rod=False), "others")

    with qtbot.waitSignal(panel.background.finished, timeout=30_000):
        part(panel, section.button, QPushButton).click()
        choose(panel, section.box, "others")

    assert section.is_empty(panel)
    assert message(panel, STATUS).startswith("Labels were changed meanwhile")
