"""The HTML report: complete, self-contained, safe, and the right way round."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import medseg
from medseg import ErrorCode, LabelSet, Structure, UnusableInput

SHAPE = (40, 36, 20)
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (2.0, 2.0, 5.0))
LABELS = LabelSet.from_names([(1, "liver"), (2, "spleen"), (3, "tumour")])
VOID = {"meta", "input", "br", "link", "img", "image", "path", "hr"}


class Page(HTMLParser):
    """Elements, texts and addresses of a page; refuses tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.texts))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def ball(centre, radius) -> np.ndarray:
    index = np.indices(SHAPE).T - centre
    inside: np.ndarray = np.linalg.norm(index, axis=-1) < radius
    return inside.T


def segmentation(masks, labels=LABELS, **more) -> medseg.Segmentation:
    array = np.zeros(SHAPE, np.uint8)
    for label, mask in masks.items():
        array[mask] = label
    return medseg.Segmentation(
        array=array, geometry=GEOMETRY, labels=labels, case_id="case_7", **more
    )


LIVER, SPLEEN = ball((30, 18, 10), 7), ball((8, 14, 9), 4)
TUMOUR = ball((30, 18, 11), 2)
PROVENANCE = medseg.Provenance(
    case_id="case_7",
    input_sha256="1" * 64,
    model="phantom-abdomen",
    model_sha256="2" * 64,
    versions=(("medseg", "0.1.0"),),
    settings=(("overlap", "0.5"),),
    notes=("one duplicate slice dropped",),
)


@pytest.fixture(scope="module")
def scan() -> medseg.Volume:
    array = np.random.default_rng(0).normal(0, 30, SHAPE)
    array[LIVER] += 60
    return medseg.Volume(
        array=array[None].astype(np.int16),
        geometry=GEOMETRY,
        channels=("CT",),
        case_id="case_7",
    )


@pytest.fixture(scope="module")
def html(scan) -> str:
    reference = segmentation({1: LIVER, 2: SPLEEN, 3: TUMOUR})
    moved = np.roll(LIVER, 1, axis=0)
    prediction = segmentation({1: moved, 3: TUMOUR}, provenance=PROVENANCE)
    return medseg.render_report(
        scan,
        prediction,
        reference=reference,
        scores=medseg.score(prediction, reference, scan),
        title="A phantom",
        remarks=("Synthetic phantom: not a patient.",),
    )


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_the_page_needs_nothing_but_itself(html, page):
    assert not re.search(r"https?:|@import|url\(", html)
    assert not page.all("script")
    assert not page.all("link")
    addresses = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href")
    ]
    assert len(addresses) >= 3
    assert all(each.startswith("data:image/png;base64,") for each in addresses)


def test_it_says_what_it_is_and_is_not(page):
    assert page.text.count("Research use only. Not a medical device.") == 2
    assert page.text.count("Synthetic phantom: not a patient.") == 2
    assert "A phantom" in page.text


def test_the_table_has_every_structure_and_the_mean(page):
    for words in ("liver", "spleen", "tumour", "missed", "n = 3 structures"):
        assert words in page.text
    scopes = [attributes.get("scope") for attributes in page.all("th")]
    assert scopes.count("row") == 4
    assert set(scopes) == {"row", "col"}


def test_scores_are_those_given(page):
    shift = (LIVER & np.roll(LIVER, 1, axis=0)) & ~TUMOUR
    volume = (LIVER & ~TUMOUR).sum()
    predicted = (np.roll(LIVER, 1, axis=0) & ~TUMOUR).sum()
    assert f"{2 * shift.sum() / (volume + predicted):.3f}" in page.text


def test_every_picture_is_described_for_those_who_cannot_see_it(page):
    pictures = [a for a in page.all("svg") if "aria-hidden" not in a]
    assert len(pictures) == 3 + 6 + 3
    assert all(a["role"] == "img" and a["aria-label"] for a in pictures)
    assert "Axial" in pictures[0]["aria-label"]
    assert "liver" in pictures[0]["aria-label"]


def test_prediction_and_reference_are_outlined(page):
    kinds = [a["class"].split()[0] for a in page.all("path") if "class" in a]
    assert kinds.count("prediction") > 5
    assert kinds.count("reference") > kinds.count("prediction"), "the spleen is missed"


def test_a_right_sided_structure_is_outlined_in_the_left_half_of_axial_pictures(page):
    axial = next(a for a in page.all("svg") if "Axial" in (a.get("aria-label") or ""))
    start = page.elements.index(("svg", axial))
    width = float(axial["viewbox"].split()[2])
    liver = next(a for tag, a in page.elements[start:] if tag == "path")
    across = [float(x) for x, _ in re.findall(r"([\d.]+) ([\d.]+)", liver["d"])]
    assert sum(across) / len(across) < width / 2


def test_how_it_was_made_is_written_down(page):
    for words in ("phantom-abdomen", "1" * 64, "overlap 0.5", "duplicate slice"):
        assert words in page.text
    assert "Dice, 1945" in page.text


def test_pictures_keep_the_aspect_of_millimetres(page):
    views = [a["viewbox"] for a in page.all("svg") if a.get("role") == "img"]
    assert views[0].split()[2:] == ["80.00", "72.00"], "axial"
    assert views[1].split()[2:] == ["80.00", "100.00"], "coronal"
    assert views[2].split()[2:] == ["72.00", "100.00"], "sagittal"


def test_without_a_reference_there_are_volumes_only(scan):
    page = Page(medseg.render_report(scan, segmentation({1: LIVER})))
    assert f"{LIVER.sum() * 0.02:.1f}" in page.text
    assert "Dice" not in page.text
    assert not any(a.get("id") == "show-reference" for a in page.all("input"))


def test_an_empty_prediction_can_be_shown(scan):
    page = Page(medseg.render_report(scan, segmentation({})))
    assert "liver" in page.text


def test_mr_has_no_hounsfield_units(scan):
    mr = medseg.Volume(array=scan.array, geometry=GEOMETRY, channels=("MR",))
    liver = segmentation({1: LIVER})
    scores = medseg.score(liver, liver, mr)
    text = Page(medseg.render_report(mr, liver, reference=liver, scores=scores)).text
    assert "Median HU" not in text
    assert "1.000" in text


def test_names_cannot_bring_markup_into_the_page(scan):
    name = '<script>alert("liver")</script>'
    labels = LabelSet((Structure(id=1, name=name, colour=(1, 2, 3)),))
    html = medseg.render_report(scan, segmentation({1: LIVER}, labels), title="<b>&")
    assert not Page(html).all("script")
    assert name in Page(html).text


def test_labels_without_a_name_are_shown_too(scan):
    few = LabelSet.from_names([(1, "liver"), (3, "aorta")])
    text = Page(medseg.render_report(scan, segmentation({2: SPLEEN}, few))).text
    assert "label 2" in text


def test_another_grid_is_refused(scan):
    elsewhere = medseg.Geometry.from_spacing(SHAPE, (2.0, 2.0, 5.1))
    liver = medseg.Segmentation(
        array=LIVER.astype(np.uint8), geometry=elsewhere, labels=LABELS
    )
    with pytest.raises(UnusableInput) as refusal:
        medseg.render_report(scan, liver)
    assert refusal.value.code is ErrorCode.GRID_MISMATCH
