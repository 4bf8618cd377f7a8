"""Lesions judged by a reference: found, false and missed."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QTableView, QTabWidget

import medseg
from napari_medseg.layers.conversion import Origin, segmentation_layer
from napari_medseg.lesions.choice import Splitting
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
    voxel_looked_at,
)
from tests.plugin.lesions.scene import (
    LPS,
    RAS,
    SHAPE_RAS,
    TURNED,
    centres_seen,
    lesion_labels,
)
from tests.plugin.scans import LABELS, in_voxel_order
from tests.plugin.widgets import message, part

pytestmark = pytest.mark.gui
IN_BOTH = slice(4, 8), slice(4, 8), slice(4, 8)
FALSE = slice(30, 34), slice(4, 8), slice(4, 8)
MISSED = slice(18, 22), slice(14, 20), slice(4, 9)
LESIONS, QUALITY = "Judged lesions", "Quality of structures"
SENSITIVITY = "Sensitivities"
PAGES = "Per lesion, per structure or FROC"


def tumours(*places, order=RAS, names=LABELS):
    labels = np.zeros(SHAPE_RAS, np.uint8)
    for place in places:
        labels[place] = 2
    array, geometry = in_voxel_order(labels, *order)
    return medseg.Segmentation(
        array=array, geometry=geometry, labels=names, case_id="c1"
    )


def probabilities(order=RAS, **of_places):
    sure = np.zeros(SHAPE_RAS)
    for name, value in of_places.items():
        sure[globals()[name]] = value
    return in_voxel_order(sure, *order)[0]


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def open_pair(qtbot, open_panel, viewer):
    """The panel with lesions told apart, and a reference chosen."""

    def open_(prediction, reference, sure=None, splitting=Splitting.PIECES):
        add_made(viewer, prediction, "found", sure=sure)
        add(viewer, reference, "truth")
        panel = open_panel(viewer)
        choose(panel, "Labels", "found")
        separate_instances(qtbot, panel, splitting)
        choose(panel, "Reference", "truth")
        return panel

    return open_


@pytest.fixture
def panel(open_pair):
    """One lesion is in both, one in either."""
    return open_pair(tumours(IN_BOTH, FALSE, order=LPS), tumours(IN_BOTH, MISSED))


def score(qtbot, panel):
    press(qtbot, panel, "Score")


def row_of(panel, table, header, text):
    return column(panel, header, table).index(text)


@pytest.mark.parametrize("order", [RAS, TURNED])
def test_one_of_two_is_found_and_one_is_false(qtbot, open_pair, order):
    """PQ = 1 / (1 + 1/2 + 1/2), whatever the order the voxels are stored in."""
    panel = open_pair(
        tumours(IN_BOTH, FALSE, order=LPS), tumours(IN_BOTH, MISSED, order=order)
    )

    score(qtbot, panel)

    assert sorted(column(panel, "Status", LESIONS)) == ["false", "found", "missed"]
    found, false, missed = (
        row_of(panel, LESIONS, "Status", each) for each in ("found", "false", "missed")
    )
    ious = column(panel, "IoU", LESIONS)
    assert (ious[found], ious[false], ious[missed]) == ("1.00", "0.00", "0.00")
    assert column(panel, "No.", LESIONS)[missed] == "-"
    assert column(panel, "Ref. no.", LESIONS)[false] == "-"
    assert column(panel, "Structure", QUALITY) == ["liver tumour"]
    for header, text in (("PQ", "0.500"), ("SQ", "1.000"), ("RQ", "0.500")):
        assert column(panel, header, QUALITY) == [text]
    for header in ("Found", "False", "Missed"):
        assert column(panel, header, QUALITY) == ["1"]
    assert message(panel, "Judged in all") == "1 found, 1 false, 1 missed; PQ 0.500."


@pytest.mark.parametrize(("finding", "place"), [("missed", MISSED), ("false", FALSE)])
def test_a_row_leads_to_its_lesion_be_it_in_one_map_only(
    qtbot, panel, viewer, finding, place
):
    score(qtbot, panel)
    table = part(panel, LESIONS, QTableView)

    row = row_of(panel, LESIONS, "Status", finding)
    table.clicked.emit(table.model().index(row, 0))

    shown = segmentation_layer(tumours(place, order=LPS), "there")[0]
    assert shown[voxel_looked_at(viewer, viewer.layers["found"])] == 2


def test_stuff_is_judged_as_one_piece(qtbot, open_pair):
    labels = lesion_labels(LPS)
    panel = open_pair(labels, labels)

    score(qtbot, panel)

    assert column(panel, "Structure", QUALITY) == ["liver", "liver tumour"]
    assert column(panel, "Found", QUALITY) == ["1", "2"]
    assert column(panel, "PQ", QUALITY) == ["1.000", "1.000"]


def test_where_the_model_parts_them_the_reference_is_in_pieces(
    qtbot, open_panel, viewer
):
    """Two balls for one in two: no half has an IoU above 0.5; the rod is found."""
    add_made(viewer, lesion_labels(LPS), "found", centres=centres_seen())
    add(viewer, lesion_labels(LPS), "truth")
    panel = open_panel(viewer)
    choose(panel, "Labels", "found")
    press(qtbot, panel, "Separate lesions")
    choose(panel, "Reference", "truth")

    score(qtbot, panel)

    findings = column(panel, "Status", LESIONS)
    assert sorted(findings) == ["false", "false", "found", "missed"]
    assert float(column(panel, "IoU", LESIONS)[findings.index("missed")]) > 0.45


def test_a_reference_whose_file_numbers_its_lesions_is_taken_by_its_word(
    qtbot, open_panel, viewer, tmp_path
):
    """Until it is edited: then its lesions are told apart as all others."""
    path = tmp_path / "truth.nii.gz"
    split = medseg.InstanceRules(split=medseg.DistanceWatershed())
    medseg.write_panoptic(medseg.separate_instances(lesion_labels(TURNED), split), path)
    add_made(viewer, lesion_labels(LPS), "found", centres=centres_seen())
    read = medseg.read_segmentation(path)
    truth = add(viewer, read, "truth", Origin(path=path))
    panel = open_panel(viewer)
    choose(panel, "Labels", "found")
    press(qtbot, panel, "Separate lesions")
    choose(panel, "Reference", "truth")

    score(qtbot, panel)
    assert column(panel, "Status", LESIONS) == ["found"] * 3

    paint(truth, 0, tuple(np.argwhere(truth.data == 2)[0]))
    score(qtbot, panel)
    assert "false" in column(panel, "Status", LESIONS)  # half of two that touch


def test_labels_that_a_reader_drew_are_counted_by_their_number(
    qtbot, open_panel, viewer
):
    add_made(viewer, tumours(IN_BOTH, FALSE), "found")
    drawn = tumours(IN_BOTH, MISSED)
    array, options, _ = segmentation_layer(drawn, "drawn")
    names = ("name", "scale", "translate", "units", "axis_labels")
    viewer.add_labels(array, **{name: options[name] for name in names})
    panel = open_panel(viewer)
    choose(panel, "Labels", "found")
    separate_instances(qtbot, panel)
    choose(panel, "Reference", "drawn")

    score(qtbot, panel)

    assert column(panel, "Structure", QUALITY) == ["liver tumour"]
    assert column(panel, "PQ", QUALITY) == ["0.500"]


def test_pieces_below_the_smallest_volume_count_in_neither(qtbot, panel):
    """The one that was missed has 120 voxels of 12 mm3, the others 64."""
    fill_in(panel, "Min. volume", 65 * 12.0)
    press(qtbot, panel, "Separate lesions")

    score(qtbot, panel)

    assert column(panel, "Status", LESIONS) == ["missed"]


def test_labels_on_other_voxels_are_refused_in_words(qtbot, open_pair):
    reference = tumours(IN_BOTH)
    cut = reference.geometry.cropped((1, 0, 0), (39, 24, 14))
    other = replace(reference, array=reference.array[1:], geometry=cut)
    panel = open_pair(tumours(IN_BOTH, FALSE), other)

    score(qtbot, panel)

    assert "GRID_MISMATCH" in message(panel, STATUS)
    assert column(panel, "Status", LESIONS) == []


def test_without_a_confidence_there_is_no_froc_and_that_is_told(qtbot, panel):
    score(qtbot, panel)

    assert message(panel, "About FROC").startswith("No FROC: it needs the confidence")
    assert column(panel, "Mean", SENSITIVITY) == []


def test_a_lesion_touched_is_found_by_froc_but_not_one_by_one_and_that_is_told(
    qtbot, open_pair
):
    """Half of it is covered, and as much beside it: an IoU of 1/3."""
    r, a, s = IN_BOTH
    beside = slice(r.start + 2, r.stop + 2), a, s
    sure = np.full(SHAPE_RAS, 0.5)
    panel = open_pair(tumours(beside), tumours(IN_BOTH), sure)

    score(qtbot, panel)

    assert sorted(column(panel, "Status", LESIONS)) == ["false", "missed"]
    assert column(panel, "Mean", SENSITIVITY) == ["1.00"]
    told = message(panel, "About FROC")
    assert "shares one voxel with the reference (IoU above 0)" in told
    assert '"Per lesion" only where its IoU is above 0.5' in told


@pytest.mark.parametrize(
    ("found", "false", "sensitivities"),
    [
        (0.9, 0.6, ["0.50"] * 7),
        (0.6, 0.9, ["0.06", "0.12", "0.25", "0.50", "0.50", "0.50", "0.50"]),
    ],
)
def test_froc_is_that_of_the_confidences(qtbot, open_pair, found, false, sensitivities):
    """One of two is found: at no false one, or, half as surely, only with a false one.

    LUNA16 draws straight lines from none found at none false.
    """
    sure = probabilities(LPS, IN_BOTH=found, FALSE=false)
    both = tumours(IN_BOTH, FALSE, order=LPS)
    panel = open_pair(both, tumours(IN_BOTH, MISSED), sure)

    score(qtbot, panel)

    at = ("1/8", "1/4", "1/2", "1", "2", "4", "8")
    assert [column(panel, each, SENSITIVITY)[0] for each in at] == sensitivities
    mean = np.mean([0.0625, 0.125, 0.25, 0.5, 0.5, 0.5, 0.5] if false > found else 0.5)
    assert column(panel, "Mean", SENSITIVITY) == [f"{mean:.2f}"]
    row = row_of(panel, LESIONS, "Status", "false")
    assert column(panel, "Confidence", LESIONS)[row] == f"{false:.2f}"
    assert not message(panel, "About FROC").startswith("No FROC")


def test_the_curve_is_shown_in_a_window_and_saved(
    qtbot, open_pair, tmp_path, monkeypatch
):
    """Which closes with what it shows."""
    panel = open_pair(
        tumours(IN_BOTH), tumours(IN_BOTH, MISSED), probabilities(IN_BOTH=0.5)
    )
    score(qtbot, panel)
    path = tmp_path / "froc.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    part(panel, "Curve", QPushButton).click()
    picture = part(panel, "FROC curve", QLabel)
    assert picture.isVisible()
    part(panel, "Save picture", QPushButton).click()

    saved = QPixmap(str(path))
    assert saved.width() > 300
    assert picture.pixmap().toImage() == saved.toImage()
    choose(panel, "Reference", "none")
    assert not picture.isVisible()


def test_the_curve_that_is_saved_is_the_one_that_was_shown(
    qtbot, open_pair, viewer, tmp_path, monkeypatch
):
    """Also where the reference is edited while the user chooses a file."""
    panel = open_pair(
        tumours(IN_BOTH), tumours(IN_BOTH, MISSED), probabilities(IN_BOTH=0.5)
    )
    score(qtbot, panel)
    path = tmp_path / "froc.png"

    def edit_and_choose(*_args):
        paint(viewer.layers["truth"], 2)
        qtbot.waitUntil(lambda: column(panel, "Status", LESIONS) == [])
        return str(path), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", edit_and_choose)
    part(panel, "Curve", QPushButton).click()
    shown = part(panel, "FROC curve", QLabel).pixmap().toImage()

    part(panel, "Save picture", QPushButton).click()

    assert QPixmap(str(path)).toImage() == shown


def test_froc_needs_a_lesion_in_the_reference(qtbot, open_pair):
    sure = probabilities(IN_BOTH=0.5)
    panel = open_pair(tumours(IN_BOTH), tumours(), sure)

    score(qtbot, panel)

    assert message(panel, "About FROC") == "No FROC: the reference has no lesion."
    assert column(panel, "Status", LESIONS) == ["false"]


def test_each_page_is_copied_and_saved_as_the_commands_write_it(
    qtbot, open_pair, tmp_path, monkeypatch, clipboard
):
    sure = probabilities(IN_BOTH=0.75, FALSE=0.5)
    prediction, reference = tumours(IN_BOTH, FALSE), tumours(IN_BOTH, MISSED)
    panel = open_pair(prediction, reference, sure)
    score(qtbot, panel)
    shares = medseg.Volume(
        array=np.stack([sure, sure]).astype(np.float16),
        geometry=prediction.geometry,
        channels=LABELS.names,
    )
    found = medseg.with_confidence(medseg.separate_instances(prediction), shares)
    truth = medseg.separate_instances(reference)

    for page, table in enumerate(
        (
            medseg.instance_matches_csv({"c1": medseg.match_instances(found, truth)}),
            medseg.panoptic_csv([medseg.score_panoptic(found, truth)]),
            medseg.froc_csv(medseg.instance_frocs([(found, truth)])),
        )
    ):
        part(panel, PAGES, QTabWidget).setCurrentIndex(page)
        path = tmp_path / f"{page}.csv"
        name = str(path)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, n=name: (n, ""))
        part(panel, "Copy", QPushButton).click()
        part(panel, "Save CSV", QPushButton).click()
        assert path.read_text(encoding="utf-8") == table
        assert clipboard.text() == table.replace(",", "\t")


def test_without_curves_there_is_nothing_to_copy_of_froc(qtbot, panel, clipboard):
    score(qtbot, panel)
    part(panel, PAGES, QTabWidget).setCurrentIndex(2)
    clipboard.setText("before")

    part(panel, "Copy", QPushButton).click()

    assert message(panel, STATUS).startswith("No FROC: it needs the confidence")
    assert clipboard.text() == "before"


def test_a_reference_edited_since_is_scored_no_more(qtbot, panel, viewer):
    score(qtbot, panel)

    paint(viewer.layers["truth"], 2)

    qtbot.waitUntil(lambda: column(panel, "Status", LESIONS) == [])
    assert message(panel, STATUS) == "The reference was edited since: score again."
    score(qtbot, panel)
    assert column(panel, "Status", LESIONS).count("missed") == 2


def test_labels_edited_since_are_scored_no_more(panel, viewer):
    paint(viewer.layers["found"], 2)

    part(panel, "Score", QPushButton).click()

    assert not panel.background.is_busy
    assert message(panel, STATUS).startswith("The labels were edited since")


def test_another_reference_empties_the_tables(qtbot, panel, viewer):
    add(viewer, tumours(IN_BOTH), "other")
    score(qtbot, panel)

    choose(panel, "Reference", "other")
    assert column(panel, "Status", LESIONS) == []
    choose(panel, "Reference", "none")
    assert not part(panel, "Score", QPushButton).isEnabled()


def test_scoring_can_be_cancelled(qtbot, panel):
    with qtbot.waitSignal(panel.background.finished, timeout=30_000):
        part(panel, "Score", QPushButton).click()
        part(panel, "Cancel", QPushButton).click()

    assert message(panel, STATUS) == "Cancelled. Nothing was changed."
    assert column(panel, "Status", LESIONS) == []
