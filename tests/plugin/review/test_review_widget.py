import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QPushButton,
    QTableView,
)

import medseg
from napari_medseg.review.notes import FILE_NAME, Flag, read_review
from napari_medseg.review.widget import ReviewWidget
from napari_medseg.viewing.grid import grid_of
from tests.plugin.cohorts import write_cohort, write_predictions
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
STATUS = "Status of the review"


@pytest.fixture
def root(tmp_path):
    return write_cohort(tmp_path / "cohort")


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def panel(qtbot, viewer, own_preferences):  # noqa: ARG001 - none of the user's
    panel = ReviewWidget(viewer)
    qtbot.addWidget(panel)
    yield panel
    panel.end()


def settle(qtbot, panel):
    def done():
        return not panel.background.is_busy and not panel.reader.is_busy

    qtbot.waitUntil(done, timeout=30_000)


@pytest.fixture
def opened(qtbot, panel, root):
    panel.open_folder(root)
    settle(qtbot, panel)
    return panel


def press(qtbot, panel, name):
    part(panel, name, QPushButton).click()
    settle(qtbot, panel)


def column(panel, number):
    model = part(panel, "Cases", QTableView).model()
    return [model.index(row, number).data() for row in range(model.rowCount())]


def on_view(viewer):
    return viewer.layers[0].name if viewer.layers else ""


def test_the_worst_case_comes_first(opened):
    assert column(opened, 1) == ["c2", "c3", "c1"]
    assert column(opened, 2)[-1] == "1.000"
    assert message(opened, STATUS).startswith("3 cases.")


def test_next_and_previous_follow_the_list(qtbot, viewer, opened):
    seen = []
    for button in ("Next case", "Next case", "Next case", "Previous case"):
        press(qtbot, opened, button)
        seen.append(on_view(viewer))

    assert seen == ["c2", "c3", "c1", "c3"]


def test_beyond_the_last_case_it_says_so(qtbot, viewer, opened):
    for _ in range(4):
        press(qtbot, opened, "Next case")

    assert on_view(viewer) == "c1"
    assert message(opened, STATUS) == "There are no more cases in this list."


def test_another_measure_or_model_sorts_anew(qtbot, opened):
    table = part(opened, "Cases", QTableView)

    table.sortByColumn(3, Qt.SortOrder.AscendingOrder)
    assert column(opened, 1) == ["c3", "c2", "c1"]
    box = part(opened, "Structure", QComboBox)
    box.setCurrentText("liver tumour")
    box.activated.emit(box.currentIndex())
    press(qtbot, opened, "Worst first")
    assert column(opened, 1)[0] == "c2"


def test_without_scores_the_lowest_predicted_dice_comes_first(
    qtbot, viewer, panel, root
):
    """Before it what nothing is predicted of; a structure can be chosen, too."""
    (root / "scores.csv").unlink()
    write_predictions(root)
    panel.open_folder(root)
    settle(qtbot, panel)

    assert part(panel, "Measure", QComboBox).currentText() == "predicted Dice"
    assert part(panel, "Structure", QComboBox).currentText() == "lowest of all"
    assert column(panel, 1) == ["c3", "c2", "c1"]
    assert column(panel, 2) == ["-", "0.000", "0.600"]
    assert column(panel, 4) == ["", "", "liver tumour"]

    press(qtbot, panel, "Next case")
    assert on_view(viewer) == "c3"
    box = part(panel, "Structure", QComboBox)
    box.setCurrentText("liver")
    box.activated.emit(box.currentIndex())
    press(qtbot, panel, "Worst first")
    assert column(panel, 2) == ["-", "0.700", "0.900"]


def test_of_several_structures_scores_are_the_mean_and_predictions_the_lowest(
    qtbot, panel, root
):
    write_predictions(root)
    panel.open_folder(root)
    settle(qtbot, panel)
    measure = part(panel, "Measure", QComboBox)
    structure = part(panel, "Structure", QComboBox)

    assert (measure.currentText(), structure.currentText()) == ("Dice", "mean of all")
    measure.setCurrentText("predicted Dice")
    measure.activated.emit(measure.currentIndex())

    assert structure.currentText() == "lowest of all"
    assert sorted(column(panel, 2)) == ["-", "0.000", "0.600"]


def test_verdicts_are_kept_beside_the_cohort(qtbot, viewer, opened, root):
    press(qtbot, opened, "Next case")
    part(opened, "Note", QPlainTextEdit).setPlainText("Dome cut off.")
    press(qtbot, opened, "Reject")
    qtbot.waitUntil(lambda: opened.keeper.is_saved, timeout=10_000)

    verdict = read_review(root / FILE_NAME)["c2"]
    assert (verdict.flag, verdict.note) == (Flag.REJECTED, "Dome cut off.")
    assert "1 of 3 reviewed, 1 rejected" in message(opened, "Cases reviewed")
    assert on_view(viewer) == "c3"  # the next one, as the preference says


def test_what_was_just_written_is_saved_when_the_panel_closes(qtbot, opened, root):
    press(qtbot, opened, "Next case")
    part(opened, "Note", QPlainTextEdit).setPlainText("in haste")

    opened.end()

    assert read_review(root / FILE_NAME)["c2"].note == "in haste"


def test_what_was_just_decided_is_saved_when_the_window_closes(qtbot, opened, root):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(opened)
    window.show()
    press(qtbot, opened, "Next case")
    part(opened, "Note", QPlainTextEdit).setPlainText("in haste")

    window.close()

    assert read_review(root / FILE_NAME)["c2"].note == "in haste"
    window.takeCentralWidget()  # which it would delete


def test_verdicts_are_there_when_the_cohort_is_opened_again(qtbot, panel, root):
    (root / FILE_NAME).write_text(
        '{"format": "medseg-review", "version": 1,'
        ' "cases": {"c3": {"flag": "accepted", "note": "fine"}}}'
    )
    panel.open_folder(root)
    settle(qtbot, panel)

    assert dict(zip(column(panel, 1), column(panel, 0), strict=True))["c3"] == "✓✎"
    box = part(panel, "Listed cases", QComboBox)
    box.setCurrentText("not yet reviewed")
    box.activated.emit(box.currentIndex())
    assert column(panel, 1) == ["c2", "c1"]


def test_a_decision_is_taken_back_by_the_same_button(qtbot, opened):
    press(qtbot, opened, "Next case")
    press(qtbot, opened, "Accept")
    press(qtbot, opened, "Previous case")

    press(qtbot, opened, "Accept")

    assert opened.keeper.review["c2"].flag is Flag.NONE


def test_the_next_case_is_read_ahead(qtbot, viewer, opened, root):
    press(qtbot, opened, "Next case")
    for file in root.glob("*/c3.*"):
        file.unlink()

    press(qtbot, opened, "Next case")

    assert on_view(viewer) == "c3"


def test_a_case_that_cannot_be_read_is_told_and_passed_by(qtbot, viewer, panel, root):
    for file in root.glob("*/c2.*"):
        file.write_bytes(b"nothing")
    panel.open_folder(root)
    settle(qtbot, panel)

    press(qtbot, panel, "Next case")
    assert on_view(viewer) == ""
    assert message(panel, STATUS) != ""
    press(qtbot, panel, "Next case")
    assert on_view(viewer) == "c3"


def test_two_models_side_by_side(qtbot, viewer, opened):
    press(qtbot, opened, "Next case")

    part(opened, "Side by side", QCheckBox).click()

    assert grid_of(viewer).enabled
    assert len(viewer.layers) == 6
    assert "left good, right poor" in message(opened, STATUS)


def test_without_a_second_model_there_is_nothing_beside(qtbot, panel, root):
    panel.open_folder(root / "good")
    settle(qtbot, panel)

    assert not part(panel, "Side by side", QCheckBox).isEnabled()


def test_folders_can_be_named_one_by_one(qtbot, opened, root):
    line = part(opened, "Predictions", QLineEdit)
    line.setText(str(root / "poor"))
    line.setModified(True)
    line.editingFinished.emit()
    settle(qtbot, opened)

    assert column(opened, 1) == ["c3", "c2", "c1"]


@pytest.fixture
def study(root, tmp_path):
    """The folder that `medseg study` writes: scores, and no picture."""
    folder = tmp_path / "study"
    files = medseg.StudyFiles(
        reference=root / "labelsTr",
        models={model: root / model for model in ("good", "poor")},
    )
    few = medseg.StudySettings(bootstrap=medseg.BootstrapSettings(resamples=199))
    medseg.run_study(files, folder, settings=few)
    return folder


def test_the_folder_of_a_study_asks_for_the_folders_it_lacks(
    qtbot, viewer, panel, study, root
):
    panel.open_folder(study)
    settle(qtbot, panel)

    assert column(panel, 1) == ["c2", "c3", "c1"]
    assert message(panel, STATUS) == (
        "3 cases, scores alone: name scans, references and predictions below to see "
        "pictures."
    )
    lines = [
        part(panel, name, QLineEdit) for name in ("Scans", "References", "Predictions")
    ]
    assert all(line.isVisibleTo(panel) for line in lines)
    assert all(line.placeholderText().startswith("not found") for line in lines)

    for line, name in zip(lines, ("imagesTr", "labelsTr", "good"), strict=True):
        line.setText(str(root / name))
        line.setModified(True)
    lines[-1].editingFinished.emit()
    settle(qtbot, panel)
    press(qtbot, panel, "Next case")
    assert on_view(viewer) == "c2"
    assert not any(line.placeholderText().startswith("not found") for line in lines)


def test_what_is_complete_keeps_the_list_of_folders_folded(opened):
    assert not part(opened, "Scans", QLineEdit).isVisibleTo(opened)


@pytest.mark.parametrize("paper", ["#262930", "#ffffff"], ids=["dark", "light"])
def test_the_note_has_a_border_that_is_seen(panel, paper):
    panel.setStyleSheet(f"QPlainTextEdit, QWidget {{ background: {paper}; }}")
    panel.show()
    note = part(panel, "Note", QPlainTextEdit)
    picture = panel.grab(
        QRect(note.mapTo(panel, QPoint(0, 0)) - QPoint(4, 4), note.size())
    ).toImage()
    middle = picture.height() // 2
    seen = [picture.pixelColor(x, middle).lightness() for x in range(10)]
    assert max(abs(each - QColor(paper).lightness()) for each in seen) > 70


def test_an_empty_folder_is_told_in_one_line(qtbot, panel, tmp_path):
    panel.open_folder(tmp_path)
    settle(qtbot, panel)

    assert message(panel, STATUS).startswith("EMPTY_FOLDER")


def test_a_session_comes_back_to_the_same_case(qtbot, viewer, opened, root):
    press(qtbot, opened, "Next case")
    press(qtbot, opened, "Next case")
    state = opened.session_state()
    again = ReviewWidget(viewer)
    qtbot.addWidget(again)

    again.restore_session_state(state)
    settle(qtbot, again)

    assert state["root"] == str(root)
    assert "c3" in message(again, STATUS)
    again.end()


def test_every_control_has_a_name_and_a_tooltip(panel):
    kinds = QPushButton, QComboBox, QCheckBox, QLineEdit, QPlainTextEdit
    controls = [c for kind in kinds for c in panel.findChildren(kind)]

    assert [c for c in controls if not (c.accessibleName() and c.toolTip())] == []


def test_keys_are_in_the_tooltips(panel):
    for name in ("Next case", "Previous case", "Accept", "Reject"):
        button = part(panel, name, QPushButton)
        assert f"({button.shortcut().toString()})" in button.toolTip()


def test_research_use_only_is_said(panel):
    assert any("Research use only" in x.text() for x in panel.findChildren(QLabel))
