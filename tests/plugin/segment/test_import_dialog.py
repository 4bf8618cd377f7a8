"""Importing a model in napari is what the core's import with the same options is."""

import zipfile
from pathlib import Path

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QPlainTextEdit,
)

import medseg
from napari_medseg.segment.import_dialog import ImportDialog
from napari_medseg.segment.widget import SegmentWidget
from tests.plugin.widgets import message, part

MADE = Path(__file__).parents[2] / "core/models/foreign/nnunet"
PLAIN = MADE / "plain/Dataset101_Plain"
CASCADE = MADE / "cascade/Dataset103_Cascade"
STATUS = "Status of the segmentation"
WRONG = "What is wrong with the import"
LONGEST_MS = 120_000


@pytest.fixture
def panel(qtbot):
    panel = SegmentWidget(ViewerModel())
    qtbot.addWidget(panel)
    yield panel
    panel.end()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=LONGEST_MS)


@pytest.fixture
def dialog(qtbot):
    dialog = ImportDialog()
    qtbot.addWidget(dialog)
    yield dialog
    qtbot.waitUntil(lambda: not dialog.is_looking, timeout=LONGEST_MS)


def choose_model(qtbot, dialog, source, out_folder):
    dialog.fill(source, out_folder)
    qtbot.waitUntil(lambda: not dialog.is_looking, timeout=LONGEST_MS)


def enter(dialog, name, text):
    part(dialog, name, QLineEdit).setText(text)


def offered(dialog):
    box = part(dialog, "Configuration", QComboBox)
    return [box.itemText(index) for index in range(box.count())]


def import_with(qtbot, panel, dialog):
    dialog.accept()
    assert dialog.result() == QDialog.DialogCode.Accepted
    panel.import_model(dialog.choice())
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=LONGEST_MS)


def cascade_of_best(archive):
    """A zip of two configurations; the only fold is 2, with the best weights alone."""
    renamed = {"fold_0": "fold_2", "checkpoint_final.pth": "checkpoint_best.pth"}
    with zipfile.ZipFile(archive, "w") as zip_file:
        for file in sorted(CASCADE.rglob("*.*")):
            parts = file.relative_to(CASCADE.parent).parts
            name = "/".join(renamed.get(each, each) for each in parts)
            zip_file.write(file, name)
    return archive


@pytest.mark.slow
def test_a_model_of_nnunet_is_imported_and_chosen_in_one_click(
    qtbot, panel, dialog, tmp_path
):
    choose_model(qtbot, dialog, PLAIN, tmp_path / "imported")

    import_with(qtbot, panel, dialog)

    truth = medseg.import_model(PLAIN, tmp_path / "truth")
    offer = panel.view.models.offer()
    assert offer.source == str(tmp_path / "imported")
    assert offer.info == truth
    told = message(panel, STATUS)
    assert told.startswith(f"Imported to {tmp_path / 'imported'}.")
    assert truth.plan.reasons
    for subject, reason in truth.plan.reasons:
        assert f"{subject}: {reason}" in told


@pytest.mark.slow
def test_a_zip_of_several_models_is_imported_as_it_is_asked_for(
    qtbot, panel, dialog, tmp_path
):
    archive = cascade_of_best(tmp_path / "cascade.zip")
    choose_model(qtbot, dialog, archive, tmp_path / "imported")
    assert offered(dialog) == ["choose one", "3d_lowres", "3d_cascade_fullres"]

    part(dialog, "Configuration", QComboBox).setCurrentText("3d_cascade_fullres")
    part(dialog, "Checkpoint", QComboBox).setCurrentText("the best weights")
    enter(dialog, "Folds", "2")
    enter(dialog, "Trained as", "lps")
    enter(dialog, "Name", "of mine")
    enter(dialog, "Licence", "CC-BY-4.0")
    import_with(qtbot, panel, dialog)

    options = medseg.NnunetOptions(
        configuration=medseg.NnunetConfiguration.CASCADE,
        checkpoint=medseg.NnunetCheckpoint.BEST,
        folds=(2,),
        trained_as=medseg.PatientAxes(codes="LPS"),
        name="of mine",
        licence="CC-BY-4.0",
    )
    truth = medseg.import_model(archive, tmp_path / "truth", options)
    assert panel.view.models.offer().info == truth
    first = [tmp_path / name / truth.first_stage for name in ("imported", "truth")]
    assert medseg.read_model_info(first[0]) == medseg.read_model_info(first[1])
    about = part(panel, "Details of the model", QPlainTextEdit).toPlainText()
    assert f"along {medseg.axes_in_words(truth.plan.axes)}" in about
    assert dict(truth.plan.reasons)["axes"] in about


def test_of_several_models_one_is_asked_for_before_the_import(qtbot, dialog, tmp_path):
    box = part(dialog, "Configuration", QComboBox)
    assert not box.isVisibleTo(dialog)
    choose_model(qtbot, dialog, CASCADE, tmp_path / "imported")
    assert box.isVisibleTo(dialog)

    dialog.accept()

    assert dialog.result() != QDialog.DialogCode.Accepted
    assert "There are 3d_lowres, 3d_cascade_fullres" in message(dialog, WRONG)
    box.setCurrentText("3d_lowres")
    dialog.accept()
    assert dialog.result() == QDialog.DialogCode.Accepted
    lowres = medseg.NnunetConfiguration.LOW_RESOLUTION
    assert dialog.choice().options == medseg.NnunetOptions(configuration=lowres)


def test_where_there_is_one_model_nothing_is_asked(qtbot, dialog, tmp_path):
    choose_model(qtbot, dialog, PLAIN, tmp_path / "imported")

    assert offered(dialog) == ["the only one: 3d_fullres", "3d_fullres"]
    assert not part(dialog, "Configuration", QComboBox).isVisibleTo(dialog)
    assert dialog.choice().options == medseg.NnunetOptions()


def test_where_nothing_can_be_told_all_is_offered(qtbot, dialog, tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip")
    for source in (tmp_path / "absent", tmp_path / "no.zip", tmp_path):
        choose_model(qtbot, dialog, source, tmp_path / "imported")
        assert offered(dialog) == [
            "the only one there is",
            *medseg.NnunetConfiguration,
        ]


def test_another_model_brings_its_own_configurations(qtbot, dialog, tmp_path):
    choose_model(qtbot, dialog, CASCADE, tmp_path / "imported")
    part(dialog, "Configuration", QComboBox).setCurrentText("3d_lowres")

    choose_model(qtbot, dialog, PLAIN, tmp_path / "imported")

    assert dialog.choice().options.configuration is None


@pytest.mark.parametrize(
    ("field", "text"),
    [("Folds", "0, all"), ("Folds", "-1"), ("Trained as", "RAX"), ("Trained as", "RA")],
)
def test_what_cannot_be_read_is_told_and_the_dialog_stays(
    qtbot, dialog, tmp_path, field, text
):
    choose_model(qtbot, dialog, PLAIN, tmp_path / "imported")
    enter(dialog, field, text)

    dialog.accept()

    assert dialog.result() != QDialog.DialogCode.Accepted
    assert message(dialog, WRONG).startswith("INVALID_OPTION: ")
    assert f"[{field}]" in message(dialog, WRONG)
    assert part(dialog, field, QLineEdit).isVisibleTo(dialog)
    with pytest.raises(medseg.WrongUse):
        dialog.choice()


@pytest.mark.parametrize(
    ("text", "folds"), [("", ()), ("3", (3,)), ("0, 2", (0, 2)), (" 4 1,0 ", (4, 1, 0))]
)
def test_folds_are_numbers_between_commas_or_spaces(dialog, text, folds):
    enter(dialog, "Folds", text)
    assert dialog.choice().options.folds == folds


def test_what_cannot_be_imported_is_told_in_one_line(qtbot, panel, dialog, tmp_path):
    choose_model(qtbot, dialog, tmp_path, tmp_path / "imported")

    import_with(qtbot, panel, dialog)

    with pytest.raises(medseg.UnusableInput) as truth:
        medseg.import_model(tmp_path, tmp_path / "imported")
    assert message(panel, STATUS) == str(truth.value)
    assert not (tmp_path / "imported").exists()


def test_the_import_dialog_wants_a_model_and_a_folder(dialog, tmp_path):
    (buttons,) = dialog.findChildren(QDialogButtonBox)
    ok = buttons.button(QDialogButtonBox.StandardButton.Ok)

    assert not ok.isEnabled()
    dialog.fill(tmp_path, tmp_path / "imported")
    assert ok.isEnabled()
