"""Lesions that touch, split where a model sees their centres."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton

import medseg
from napari_medseg.correct.layers import write
from napari_medseg.layers.conversion import (
    Origin,
    record_of,
    segmentation_layer,
    volume_layers,
)
from napari_medseg.layers.evidence import evidence_of
from napari_medseg.layers.scripts import ModelRun
from napari_medseg.lesions.choice import Choice, Splitting
from napari_medseg.lesions.script import ScriptedLesions, script_of
from napari_medseg.segment.widget import SegmentWidget
from napari_medseg.session.files import Taken, open_session, save_session
from napari_medseg.session.layers import add_restored, taken_layers, taken_view
from tests.plugin.lesions.handling import (
    STATUS,
    add,
    add_made,
    choose,
    column,
    fill_in,
    paint,
    press,
    separate_instances,
)
from tests.plugin.lesions.scene import (
    LPS,
    RAS,
    TURNED,
    centres_seen,
    labels_ras,
    lesion_labels,
    lesion_scan,
)
from tests.plugin.scans import in_voxel_order
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer():
    return ViewerModel()


def ways(panel):
    box = part(panel, "Method", QComboBox)
    return [box.itemText(place) for place in range(box.count())]


@pytest.mark.parametrize("order", [RAS, TURNED])
def test_lesions_that_touch_are_parted_as_the_model_that_made_them_says(
    qtbot, open_panel, viewer, order
):
    """The way is chosen unasked; the two balls and the rod are three."""
    add_made(viewer, lesion_labels(order), centres=centres_seen())
    panel = open_panel(viewer)
    assert part(panel, "Method", QComboBox).currentText() == "Learned by the model"

    press(qtbot, panel, "Separate lesions")

    assert len(column(panel, "No.")) == 3
    shown = viewer.layers["lesions of labels"]
    tumours = viewer.layers["labels"].data == 2
    numbers, voxels = np.unique(shown.data[tumours], return_counts=True)
    assert len(numbers) == 3
    assert np.ptp(np.sort(voxels)[1:]) < 0.02 * voxels.sum()  # the balls are alike
    separate_instances(qtbot, panel, Splitting.PIECES)
    assert len(column(panel, "No.")) == 2


def test_a_centre_must_be_as_sure_and_as_far_away_as_is_asked(
    qtbot, open_panel, viewer
):
    """The balls lie 18 mm apart, and no heat is above 1."""
    add_made(viewer, lesion_labels(), centres=centres_seen())
    panel = open_panel(viewer)

    for name, value, count in (
        ("Min. distance", 17.0, 3),
        ("Min. distance", 19.0, 2),
        ("Min. distance", 0.0, 3),
        ("Threshold", 1.1, 2),
    ):
        fill_in(panel, name, value)
        press(qtbot, panel, "Separate lesions")
        assert len(column(panel, "No.")) == count
    assert part(panel, "Min. distance", QDoubleSpinBox).text() == "as learned"


def test_labels_of_no_such_model_are_not_offered_it(open_panel, viewer):
    add(viewer, lesion_labels(), "drawn")
    add_made(viewer, lesion_labels(), "made", centres=centres_seen())
    panel = open_panel(viewer)
    choose(panel, "Labels", "made")
    assert "Learned by the model" in ways(panel)

    choose(panel, "Labels", "drawn")

    usual = ["Connected pieces", "Watershed (distance)", "Watershed (intensity)"]
    assert ways(panel) == usual
    assert part(panel, "Method", QComboBox).currentText() == "Connected pieces"
    choose(panel, "Method", "Watershed (distance)")
    choose(panel, "Labels", "made")
    assert part(panel, "Method", QComboBox).currentText() == "Learned by the model"


def test_labels_may_be_edited_centres_are_about_the_scan(qtbot, open_panel, viewer):
    made = add_made(viewer, lesion_labels(), centres=centres_seen())
    panel = open_panel(viewer)

    paint(made, 2, (1, 1, 1))
    press(qtbot, panel, "Separate lesions")

    assert len(column(panel, "No.")) == 4


def test_a_copy_that_is_corrected_keeps_the_centres(qtbot, open_panel, viewer):
    """The Correct panel works on a copy; without the rod it holds the two balls."""
    made = add_made(viewer, lesion_labels(), centres=centres_seen())
    without = segmentation_layer(lesion_labels(has_rod=False), "labels")[0]
    copy = write(viewer, made, without)
    panel = open_panel(viewer)

    choose(panel, "Labels", copy.name)
    press(qtbot, panel, "Separate lesions")

    assert part(panel, "Method", QComboBox).currentText() == "Learned by the model"
    assert len(column(panel, "No.")) == 2


def test_labels_moved_meanwhile_are_refused_in_words(qtbot, open_panel, viewer):
    """The way is still chosen, but the centres lie elsewhere."""
    made = add_made(viewer, lesion_labels(), centres=centres_seen())
    panel = open_panel(viewer)

    made.translate = np.array(made.translate) + 8.0
    press(qtbot, panel, "Separate lesions")

    assert "not known where a model sees centres" in message(panel, STATUS)


def test_of_labels_moved_meanwhile_no_script_is_copied(open_panel, viewer, clipboard):
    """It would take centres of a model that it does not run."""
    made = add_made(viewer, lesion_labels(), centres=centres_seen())
    panel = open_panel(viewer)
    clipboard.setText("before")

    made.translate = np.array(made.translate) + 8.0
    part(panel, "Copy as Python", QPushButton).click()

    assert "not known where a model sees centres" in message(panel, STATUS)
    assert clipboard.text() == "before"


def test_a_script_of_a_part_of_the_scan_looks_there_only():
    run = ModelRun(lines=("scan = 1", "region = np.zeros(3)"), has_region=True)
    learned = medseg.InstanceRules(split=medseg.LearnedCentres(apart_mm=4.0))
    script = script_of(
        ScriptedLesions(
            labels=None,
            scan=None,
            has_scan=False,
            choice=Choice(counted=frozenset({"liver tumour"}), rules=learned),
            run=run,
        )
    )

    compile(script, "script", "exec")
    assert "import numpy as np" in script
    assert "request = medseg.Request(region=region, centres=True)" in script
    assert "split=medseg.LearnedCentres(apart_mm=4.0)" in script


def test_a_baseline_of_no_such_model_is_refused_in_words(qtbot, open_panel, viewer):
    add_made(viewer, lesion_labels(LPS), "july", centres=centres_seen())
    add(viewer, lesion_labels(LPS), "january")
    add_made(viewer, lesion_labels(LPS), "february", centres=centres_seen())
    panel = open_panel(viewer)
    choose(panel, "Labels", "july")
    press(qtbot, panel, "Separate lesions")

    choose(panel, "Baseline", "january")
    press(qtbot, panel, "Compare")
    assert "not known where a model sees centres" in message(panel, STATUS)
    assert column(panel, "Status", "Followed lesions") == []

    choose(panel, "Baseline", "february")
    press(qtbot, panel, "Compare")
    assert column(panel, "Status", "Followed lesions") == ["persisting"] * 3


def test_each_lesion_tells_how_sure_the_model_is(qtbot, open_panel, viewer):
    """The mean over its voxels: 0.5 in the rod, 0.75 in one half of the rest."""
    labels = lesion_labels(TURNED)
    sure = np.where(np.arange(40)[:, None, None] < 29, 0.75, 0.5) * np.ones(
        (40, 24, 14)
    )
    sure_there, _ = in_voxel_order(sure, *TURNED)
    made = add_made(viewer, labels, sure=sure_there)
    panel = open_panel(viewer)
    separate_instances(qtbot, panel)

    rod = column(panel, "Long axis (mm)").index(
        min(column(panel, "Long axis (mm)"), key=float)
    )
    assert column(panel, "Confidence")[rod] == "0.50"
    balls = labels_ras(has_rod=False) == 2
    assert column(panel, "Confidence")[1 - rod] == f"{sure[balls].mean():.2f}"

    paint(made, 0, tuple(np.argwhere(made.data == 2)[0]))
    separate_instances(qtbot, panel)
    assert column(panel, "Confidence") == ["-", "-"]  # nobody knows how sure a hand is


def test_a_session_keeps_no_centres_and_then_the_way_is_not_offered(
    qtbot, open_panel, viewer, tmp_path
):
    made = add_made(viewer, lesion_labels(LPS), centres=centres_seen())
    assert evidence_of(made) is not None
    layers, left_out = taken_layers(viewer)
    taken = Taken(
        layers=tuple(layers), left_out=tuple(left_out), view=taken_view(viewer)
    )
    opened = open_session(save_session(taken, tmp_path / "day.medseg.json"))

    later = ViewerModel()
    add_restored(later, opened.layers, opened.session.view)
    panel = open_panel(later)

    assert evidence_of(later.layers["labels"]) is None
    assert "Learned by the model" not in ways(panel)
    separate_instances(qtbot, panel)
    assert len(column(panel, "No.")) == 2


@pytest.fixture
def segmented(qtbot, viewer, tmp_path, model_with_a_head):
    """The layer that the Segment panel makes of a scan read from a file."""
    path = tmp_path / "scan.nii.gz"
    medseg.write_volume(lesion_scan(LPS), path)
    read = medseg.read_volume(path)
    for array, options, _ in volume_layers(read, "scan", Origin(path=path)):
        viewer.add_image(array, **options)
    segment = SegmentWidget(viewer)
    qtbot.addWidget(segment)
    segment.add_model_folder(str(model_with_a_head))
    press(qtbot, segment, "Segment")
    segment.end()
    return viewer.layers[-1]


@pytest.mark.parametrize("is_edited", [False, True])
def test_the_script_runs_the_model_again(
    request, open_panel, segmented, tmp_path, monkeypatch, is_edited
):
    names = "viewer", "qtbot", "clipboard"
    viewer, qtbot, clipboard = map(request.getfixturevalue, names)
    made = segmented
    if is_edited:
        made.data = np.where(made.data == 2, 0, made.data)
        paint(made, 2, (5, 5, 5))
    panel = open_panel(viewer)
    press(qtbot, panel, "Separate lesions")
    part(panel, "Copy", QPushButton).click()
    table = clipboard.text()

    part(panel, "Copy as Python", QPushButton).click()
    script = clipboard.text()
    if is_edited:
        record = record_of(made)
        assert record is not None
        edited = medseg.Segmentation(
            array=record.placement.to_source(made.data).copy(),
            geometry=record.placement.source,
            labels=record.labels or medseg.LabelSet(()),
            case_id=record.case_id,
        )
        medseg.write_segmentation(edited, tmp_path / "edited.nii.gz")
        script = script.replace("PATH OF THE LABELS", "edited.nii.gz")
    monkeypatch.chdir(tmp_path)
    exec(script, {})  # noqa: S102 - our own script

    assert "centres=made.centres" in script
    saved = (tmp_path / "lesions.csv").read_text(encoding="utf-8")
    rows, theirs = (
        [line.split(mark)[1:] for line in text.splitlines()]
        for text, mark in ((saved, ","), (table, "\t"))
    )
    assert len(rows) > 1
    assert rows == theirs
