import shutil
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.layers.conversion import (
    segmentation_of,
    volume_layers,
    volume_of,
)
from napari_medseg.layers.evidence import evidence_of
from napari_medseg.segment.remembered import RememberedModels
from napari_medseg.segment.settings import DeviceBox
from napari_medseg.segment.widget import SegmentWidget
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import ORIENTATION
from tests.core.making import save_untrained
from tests.plugin.scans import in_voxel_order, marker_image, marker_scan, scan_of
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
STATUS = "Status of the segmentation"


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def panel(qtbot, viewer, untrained_model):
    panel = SegmentWidget(viewer)
    qtbot.addWidget(panel)
    panel.add_model_folder(str(untrained_model))
    yield panel
    panel.end()
    qtbot.waitUntil(lambda: not panel.background.is_busy, timeout=20_000)


def add_scan(viewer, volume, name="scan"):
    array, options, _ = volume_layers(volume, name)[0]
    return viewer.add_image(array, **options)


def long_scan():
    """A scan of some hundred windows, none of them empty."""
    noise = np.random.default_rng(0).integers(-100, 100, (80, 80, 60), np.int16)
    return scan_of(*in_voxel_order(noise))


def segment(panel):
    part(panel, "Segment", QPushButton).click()


def done(panel):
    return lambda: not panel.background.is_busy


def test_segmenting_adds_named_labels_on_the_scans_own_grid(qtbot, viewer, panel):
    scan = marker_scan((2, 0, 1), (True, False, True))
    add_scan(viewer, scan)

    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)

    made = viewer.layers[-1]
    assert isinstance(made, Labels)
    assert made.name == "untrained of scan"
    assert segmentation_of(made).labels.names == ("liver", "liver tumour")
    assert np.array_equal(segmentation_of(made).geometry.affine, scan.geometry.affine)
    provenance = segmentation_of(made).provenance
    assert provenance is not None
    assert provenance.model == "untrained"
    assert camera_of(viewer).orientation == ORIENTATION
    assert "structures found in" in message(panel, STATUS)


def test_segmenting_twice_keeps_the_first_result(qtbot, viewer, panel):
    add_scan(viewer, marker_scan())

    for _ in range(2):
        segment(panel)
        qtbot.waitUntil(done(panel), timeout=60_000)

    assert [layer.name for layer in viewer.layers] == [
        "scan",
        "untrained of scan",
        "untrained of scan [1]",
    ]


def test_what_the_model_says_of_lesions_stays_with_the_labels(
    qtbot, viewer, panel, model_with_a_head
):
    """Not with labels that were moved to where the model said nothing."""
    panel.add_model_folder(str(model_with_a_head))
    add_scan(viewer, marker_scan())

    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)

    made = viewer.layers[-1]
    said = evidence_of(made)
    assert said is not None
    assert said.centres is not None
    assert said.centres.things == ("liver tumour",)
    assert f"model = medseg.load_model({str(model_with_a_head)!r})" in said.run.lines
    made.translate = np.array(made.translate) + 4.0
    assert evidence_of(made) is None


def test_maps_of_uncertainty_lie_between_scan_and_labels(
    qtbot, viewer, panel, untrained_model, tmp_path
):
    """As `medseg.predict` gives them; no list offers them as a scan."""
    plan = medseg.read_model_info(untrained_model).plan
    folder = save_untrained(replace(plan, mirror_axes=(0, 1)), tmp_path / "mirroring")
    panel.add_model_folder(str(folder))
    scan = marker_scan((2, 0, 1), (True, False, True))
    layer = add_scan(viewer, scan)
    part(panel, "Device", QComboBox).setCurrentIndex(1)

    part(panel, "Maps of uncertainty", QCheckBox).setChecked(True)
    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)

    assert [(each.name, each.visible) for each in viewer.layers] == [
        ("scan", True),
        ("mirroring of scan, entropy", True),
        ("mirroring of scan, mirror variance", False),
        ("mirroring of scan", True),
    ]
    wanted = medseg.Wanted(uncertainty=True, mirror_variance=True)
    expected = medseg.predict(
        scan,
        medseg.load_model(folder),
        medseg.InferenceSettings(device=medseg.Device("cpu")),
        request=medseg.Request(wanted=wanted),
    ).uncertainty
    assert expected is not None
    for made, values in zip(list(viewer.layers)[1:3], expected.array, strict=True):
        assert np.array_equal(volume_of(made).array[0], values)
        assert made.contrast_limits == pytest.approx([0, values.max()])
        assert values.max() > 0
    assert part(panel, "Scan", LayerBox).layer() is layer


def test_it_says_when_it_runs_on_the_cpu(qtbot, viewer, panel):
    add_scan(viewer, marker_scan())
    part(panel, "Device", QComboBox).setCurrentIndex(1)

    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)

    assert " on the CPU, " in message(panel, STATUS)


def test_cancelling_stops_within_a_window_and_adds_nothing(qtbot, viewer, panel):
    add_scan(viewer, long_scan())
    segment(panel)
    bar = part(panel, "Progress", QProgressBar)
    qtbot.waitUntil(lambda: bar.value() > 1, timeout=60_000)

    part(panel, "Cancel", QPushButton).click()
    qtbot.waitUntil(done(panel), timeout=20_000)

    assert bar.value() < bar.maximum()
    assert len(viewer.layers) == 1
    assert message(panel, STATUS) == "Cancelled. Nothing was added."


def test_another_run_is_possible_after_cancelling(qtbot, viewer, panel):
    add_scan(viewer, long_scan(), "long")
    segment(panel)
    part(panel, "Cancel", QPushButton).click()
    qtbot.waitUntil(done(panel), timeout=60_000)
    short = add_scan(viewer, marker_scan(), "short")

    part(panel, "Scan", LayerBox).choose(short)
    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)

    assert viewer.layers[-1].name == "untrained of short"


def test_closing_the_panel_stops_the_work(qtbot, viewer, panel):
    dock = QWidget()
    qtbot.addWidget(dock)
    QVBoxLayout(dock).addWidget(panel)
    add_scan(viewer, long_scan())
    segment(panel)
    bar = part(panel, "Progress", QProgressBar)
    qtbot.waitUntil(lambda: bar.value() > 1, timeout=60_000)

    panel.setParent(None)  # what napari does when a dock is closed
    qtbot.waitUntil(done(panel), timeout=20_000)

    assert len(viewer.layers) == 1


def test_only_one_run_at_a_time(qtbot, viewer, panel):
    add_scan(viewer, long_scan())

    segment(panel)

    assert not part(panel, "Segment", QPushButton).isEnabled()
    assert part(panel, "Cancel", QPushButton).isEnabled()
    panel.background.cancel()
    qtbot.waitUntil(done(panel), timeout=60_000)
    assert part(panel, "Segment", QPushButton).isEnabled()


def test_a_layer_without_a_place_is_refused_in_one_line(viewer, panel):
    viewer.add_image(np.zeros((5, 6, 7)), name="cells")

    segment(panel)

    assert message(panel, STATUS).startswith("MISSING_GEOMETRY")
    assert not panel.background.is_busy


def test_no_box_is_drawn_on_what_is_no_scan(viewer, panel):
    viewer.add_image(np.zeros((6, 7)), name="photo")

    part(panel, "Draw a region", QPushButton).click()

    assert message(panel, STATUS) == "photo is no scan: open one with MedSeg."
    assert len(viewer.layers) == 1


def test_the_layer_may_be_renamed_or_removed_while_its_scan_is_segmented(
    qtbot, viewer, panel
):
    scan = add_scan(viewer, marker_scan())
    segment(panel)

    scan.name = "renamed"
    viewer.layers.remove(scan)
    qtbot.waitUntil(done(panel), timeout=60_000)

    assert [layer.name for layer in viewer.layers] == ["untrained of scan"]


def test_a_folder_without_a_model_is_refused_in_one_line(panel, tmp_path):
    panel.add_model_folder(str(tmp_path))

    assert message(panel, STATUS).startswith("DAMAGED_MODEL")


def test_a_folder_chosen_once_is_offered_at_the_next_start(
    qtbot, viewer, panel, untrained_model
):
    add_scan(viewer, marker_scan())
    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)

    again = SegmentWidget(viewer)
    qtbot.addWidget(again)

    offer = again.view.models.offer()
    assert offer is not None
    assert offer.source == str(untrained_model)  # used last
    box = part(again, "Model", QComboBox)
    offered = box.count()
    again.add_model_folder(str(untrained_model))
    assert box.count() == offered
    again.end()


def test_a_folder_that_is_gone_is_not_offered_and_not_told(
    qtbot, viewer, untrained_model, tmp_path
):
    gone = shutil.copytree(untrained_model, tmp_path / "gone")
    RememberedModels().add(str(gone))
    shutil.rmtree(gone)

    panel = SegmentWidget(viewer)
    qtbot.addWidget(panel)

    assert part(panel, "Model", QComboBox).count() == len(medseg.list_models())
    assert "Open a scan" in message(panel, STATUS)
    panel.end()


def test_the_folders_chosen_last_are_remembered():
    for number in range(12):
        RememberedModels().add(f"/models/{number}")
    RememberedModels().add("/models/5")

    folders = RememberedModels().folders

    assert folders[:2] == ("/models/5", "/models/11")
    assert len(folders) == 10


def test_it_begins_with_the_device_and_precision_preferred(
    qtbot, viewer, settings_page
):
    segment = settings_page.segment
    segment.device, segment.precision = "cpu", "float32"

    panel = SegmentWidget(viewer)
    qtbot.addWidget(panel)

    choice = panel.view.choice()
    assert choice is not None
    assert choice.settings.device == "cpu"
    assert choice.settings.precision is medseg.Precision.FLOAT32
    panel.end()


def test_without_a_scan_it_says_how_to_begin(panel):
    assert not part(panel, "Segment", QPushButton).isEnabled()
    assert "Open a scan" in message(panel, STATUS)


def test_the_box_of_scans_follows_the_layer_list(viewer, panel):
    box = part(panel, "Scan", LayerBox)
    first = add_scan(viewer, marker_scan(), "first")
    second = add_scan(viewer, marker_scan(), "second")

    assert box.layer() is second
    box.choose(first)
    viewer.layers["second"].name = "renamed"
    assert box.layer() is first
    assert [box.itemText(i) for i in range(box.count())] == ["renamed", "first"]
    viewer.layers.remove(first)
    assert box.layer() is second
    viewer.layers.clear()
    assert box.layer() is None


def test_a_layer_that_was_removed_is_followed_no_more(viewer, panel):
    scan = add_scan(viewer, marker_scan(), "scan")
    followers = len(scan.events.name.callbacks)

    viewer.layers.remove(scan)

    lists_of_napari = 1
    assert followers > lists_of_napari
    assert part(panel, "Scan", LayerBox).layer() is None
    assert len(scan.events.name.callbacks) <= lists_of_napari


def test_gpus_are_looked_for_when_the_device_box_is_opened(qtbot, panel):
    box = part(panel, "Device", DeviceBox)

    with qtbot.waitSignal(panel._devices.succeeded, timeout=60_000) as found:  # noqa: SLF001
        box.opened.emit()

    gpus = [name for name in found.args[0] if name != "cpu"]
    assert box.count() == 2 + len(gpus)


def test_what_a_model_finds_and_needs_is_shown(panel):
    details = " ".join(label.text() for label in panel.findChildren(QLabel))

    assert "Finds liver, liver tumour." in details
    assert "Needs CT. Weights: CC0-1.0." in details
    assert "Research use only." in details


def test_every_control_has_a_name_and_a_tooltip(panel):
    controls = [
        *panel.findChildren(QPushButton),
        *panel.findChildren(QComboBox),
        *panel.findChildren(QProgressBar),
    ]

    assert [c for c in controls if not (c.accessibleName() and c.toolTip())] == []


def test_the_settings_are_those_of_the_core(qtbot, viewer, panel):
    add_scan(viewer, marker_scan())

    with qtbot.waitSignal(panel.view.segment_requested) as asked:
        segment(panel)

    assert asked.args[0].settings == medseg.InferenceSettings()


def two_channel_model(untrained_model):
    """A real model of T1 and FLAIR that has learned nothing."""
    plan = medseg.read_model_info(untrained_model).plan
    two = replace(plan, channels=("T1", "FLAIR"), normalisation=2 * plan.normalisation)
    return save_untrained(two, untrained_model.with_name("two"))


def mr_scan(channel, added=0):
    array, geometry = in_voxel_order(marker_image() + np.int16(added))
    return scan_of(array, geometry, channel)


def test_a_model_of_several_channels_asks_for_a_layer_each(
    qtbot, viewer, panel, untrained_model
):
    flair = add_scan(viewer, mr_scan("MR", added=5), "brain flair")
    t1 = add_scan(viewer, mr_scan("MR"), "brain t1")

    panel.add_model_folder(str(two_channel_model(untrained_model)))

    assert part(panel, "Scan: T1", LayerBox).layer() is t1
    assert part(panel, "Scan: FLAIR", LayerBox).layer() is flair
    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)
    assert viewer.layers[-1].name == "two of brain t1"


def test_a_scan_of_another_modality_cannot_be_segmented(viewer, panel):
    add_scan(viewer, mr_scan("MR"))

    assert "The scan is MR" in message(panel, "Fit of scan and model")
    assert not part(panel, "Segment", QPushButton).isEnabled()


def test_an_estimate_tells_windows_time_memory_and_device(qtbot, viewer, panel):
    add_scan(viewer, marker_scan())

    part(panel, "Estimate", QPushButton).click()
    qtbot.waitUntil(done(panel), timeout=60_000)

    told = message(panel, STATUS)
    assert "12 windows, about " in told
    assert "on the CPU" in told
    assert len(viewer.layers) == 1


def test_results_end_where_the_region_does(qtbot, viewer, panel):
    scan = add_scan(viewer, marker_scan())
    part(panel, "Draw a region", QPushButton).click()
    shapes = viewer.layers[-1]
    shapes.add_rectangles(np.array([[6, 4, 3], [6, 4, 9], [6, 12, 9], [6, 12, 3]]))

    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)

    found = viewer.layers[-1].data
    assert found.shape == scan.data.shape
    assert found.any()
    outside = found.copy()
    outside[:, 3:14, 2:11] = 0  # to a voxel of the model
    assert not outside.any()
    made = segmentation_of(viewer.layers[-1]).provenance
    assert made is not None
    assert "looked for only within a region that was given" in made.notes


def test_a_region_without_a_rectangle_is_refused_in_one_line(viewer, panel):
    add_scan(viewer, marker_scan())
    part(panel, "Draw a region", QPushButton).click()

    segment(panel)

    assert "holds no box" in message(panel, STATUS)
    assert not panel.background.is_busy


def test_the_provenance_of_the_selected_result_is_shown(qtbot, viewer, panel):
    scan = add_scan(viewer, marker_scan())
    segment(panel)
    qtbot.waitUntil(done(panel), timeout=60_000)
    shown = part(panel, "Provenance", QPlainTextEdit)

    assert "Model: untrained" in shown.toPlainText()
    assert "device cpu" in shown.toPlainText()
    viewer.layers.selection.active = scan
    assert "Model:" not in shown.toPlainText()


def test_the_same_work_can_be_copied_as_a_script(
    viewer, panel, untrained_model, clipboard
):
    add_scan(viewer, marker_scan())

    part(panel, "Copy as Python", QPushButton).click()

    script = clipboard.text()
    assert f"medseg.load_model({str(untrained_model)!r})" in script
    compile(script, "script", "exec")
