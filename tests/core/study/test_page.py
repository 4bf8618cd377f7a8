"""The report of a study: complete, safe, alone, and alive in a browser."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

import medseg
from medseg.study.figures.drawing import draw_study
from medseg.study.page import Failure, render_study
from medseg.study.results import ReaderAgreement
from tests.core.report.test_page import Page
from tests.core.study.studies import study_of, two_models

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
BROWSER = [
    *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu"),
    *("--no-first-run", "--disable-background-networking", "--disable-extensions"),
    *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000", "--dump-dom"),
]


@pytest.fixture(scope="module")
def study():
    return study_of(margin=0.02)


@pytest.fixture(scope="module")
def html(study) -> str:
    failures = (
        Failure(
            model="base",
            case_id="case_00",
            structure="liver",
            value="0.600",
            state="both present",
            picture=None,
        ),
    )
    return render_study(study, draw_study(study), failures)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_it_says_research_only_and_has_the_sections_of_a_paper(page):
    assert page.text.count("Research use only. Not a medical device.") == 2
    ids = [element.get("id") for element in page.all("h2")]
    assert ids == [
        "data",
        "methods",
        "results",
        "failures",
        "limitations",
        "checklist",
    ]
    for link in page.all("a"):
        assert str(link["href"]).removeprefix("#") in ids


def test_the_tables_say_what_the_study_found(study, page):
    for each in study.summaries:
        digits = 2 if each.metric.endswith("_mm") else 3
        assert f"{each.mean.value:.{digits}f}" in page.text
    for each in study.comparisons:
        if each.metric == "dice":
            assert f"{each.difference.value:.3f}" in page.text


def test_what_only_people_know_is_marked(page):
    assert page.text.count("to fill in") > 10
    assert "ethics" in page.text


def test_methods_name_definitions_draws_seed_tests_and_versions(page):
    for word in (
        "2 |A and B| / (|A| + |B|)",
        "200 samples",
        "seed 0",
        "Wilcoxon",
        "Holm",
        "bias-corrected",
        "diagonal",
    ):
        assert word in page.text


def test_tables_and_figures_are_numbered_one_after_another(page):
    for kind in ("Table", "Figure"):
        numbers = [int(n) for n in re.findall(rf"{kind} (\d+)\.", page.text)]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
        assert numbers == sorted(numbers)


def test_every_remark_is_among_the_limitations(study, page):
    for remark in study.remarks:
        assert " ".join(remark.split()) in page.text


def test_it_is_one_file_that_asks_for_nothing(html, page):
    assert "default-src 'none'" in html
    for tag in ("link", "script", "img", "image", "iframe", "object"):
        for attributes in page.all(tag):
            address = attributes.get("src") or attributes.get("href") or "data:"
            assert address.startswith("data:")
    assert "url(" not in html
    assert "eval(" not in html


def test_every_picture_has_words_for_those_who_cannot_see_it(page):
    assert page.all("img")
    assert all(image.get("alt") for image in page.all("img"))
    assert all(head.get("scope") for head in page.all("th"))


def test_names_cannot_break_out_of_the_page():
    evil = "<script>alert(1)</script>"
    study = study_of({evil: two_models()["base"]})
    html = render_study(study, draw_study(study), title=evil)
    assert evil not in html
    assert "&lt;script&gt;" in html


def test_readers_have_a_row_a_pair_and_structure():
    study = study_of()
    mean = study.summaries[0].mean
    readers = tuple(
        ReaderAgreement(
            first="second",
            second="reference",
            structure=structure,
            metric=metric,
            mean=mean,
        )
        for structure in ("liver", "all structures")
        for metric in ("dice", "hd95_mm")
    )
    page = Page(render_study(replace(study, readers=readers), ()))
    assert "Mean Dice of second against reference was" in page.text
    assert page.text.count("second reference") == 2


def in_browser(path, tmp_path) -> tuple[str, str]:
    """What the page becomes, and what the browser has to say about it."""
    done = subprocess.run(
        [*BROWSER, f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_a_browser_opens_it_without_an_error_or_a_request(html, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    shown, told = in_browser(path, tmp_path)
    assert "CONSOLE" not in told
    assert "Refused to" not in told
    loaded = re.findall(r"""(?:src|href)=["'](?!data:|#)([^"']*)""", shown)
    assert loaded == []
    heads = re.findall(r'<th scope="col"><button type="button">', shown)
    assert len(heads) > 20


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_a_click_on_a_heading_sorts_by_number(html, tmp_path):
    # The policy of the page allows its own script only, so the click comes from one
    # put into a copy without the policy.
    click = """<script>
    const table = document.querySelectorAll("table.sortable")[1];
    const button = table.tHead.rows[0].cells[3].querySelector("button");
    button.click(); button.click();
    </script></body>"""
    without = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    path = tmp_path / "report.html"
    path.write_text(without.replace("</body>", click), encoding="utf-8")
    shown, told = in_browser(path, tmp_path)
    assert "CONSOLE" not in told
    assert 'aria-sort="descending"' in shown
    table = shown.split("<table")[2]
    values = [
        float(row.split("data-value=")[1].split('"')[1])
        for row in table.split("<tbody>")[1].split("<tr")[1:]
    ]
    assert len(values) == 6
    assert np.all(np.diff(values) <= 0)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_another_script_is_refused_by_the_pages_own_policy(html, tmp_path):
    path = tmp_path / "report.html"
    added = "<script>document.title = 'changed'</script></body>"
    path.write_text(html.replace("</body>", added), encoding="utf-8")
    shown, _ = in_browser(path, tmp_path)
    assert "<title>Segmentation study</title>" in shown


def test_a_study_without_files_can_be_written(study, tmp_path):
    medseg.write_study(study, tmp_path / "out", title="Liver and spleen")
    text = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "<h1>Liver and spleen</h1>" in text
