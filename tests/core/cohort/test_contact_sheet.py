"""The page to look through results: the worst first, nothing hidden, nothing told."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from medseg.cohort.folder.places import Places
from medseg.cohort.gathered.case_results import CaseResult, StructureVolume
from medseg.cohort.gathered.contact_sheet import MOST_CARDS, Sheet, contact_sheet
from medseg.cohort.gathered.unusual import (
    UNUSUAL,
    missed_structures,
    unusualness,
)
from medseg.cohort.status import CohortStatus
from medseg.core.cohort import CaseFailure, CaseState
from medseg.core.errors import ErrorCode
from medseg.core.evaluation import Evaluation
from medseg.core.labels import standard_colour
from medseg.core.scores import MaskState, Scores, StructureScore

ORGANS = ("liver", "spleen")


class Page(HTMLParser):
    """Cards in their order, with their words; links, and all text."""

    def __init__(self, html):
        super().__init__()
        self.cards, self.text, self.elements = {}, "", []
        self._card = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag == "article":
            self._card = attributes["data-name"]
            self.cards[self._card] = ""

    def handle_endtag(self, tag):
        if tag == "article":
            self._card = None

    def handle_data(self, data):
        words = " ".join(data.split())
        self.text += f" {words}" if words else ""
        if self._card is not None and words:
            self.cards[self._card] += f" {words}"

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def result(
    case_id, volumes_ml=(1000.0, 200.0), structures=ORGANS, predicted=(), **more
):
    of_label = dict(enumerate(predicted, start=1))
    listed = enumerate(zip(structures, volumes_ml, strict=True), start=1)
    volumes = tuple(
        StructureVolume(
            structure=name,
            label=label,
            colour=standard_colour(label),
            voxels=round(volume_ml * 100),
            volume_ml=volume_ml,
            predicted_dice=of_label.get(label),
        )
        for label, (name, volume_ml) in listed
    )
    facts = {"patient": "", "centre": "", "scored": None, **more}
    return CaseResult(case_id=case_id, volumes=volumes, **facts)


def scores(case_id, *dice):
    rows = tuple(
        StructureScore(
            structure=name,
            label=label,
            state=MaskState.BOTH_PRESENT,
            dice=value,
            iou=value,
            volume_ml=1.0,
            reference_volume_ml=1.0,
        )
        for label, (name, value) in enumerate(zip(ORGANS, dice, strict=True), start=1)
    )
    return Scores(case_id=case_id, rows=rows)


def page_of(results, failures=(), cases=None, trained_on=(), **more):
    states = [(each.case_id, CaseState.DONE) for each in results]
    states += [(each.case_id, CaseState.FAILED) for each in failures]
    status = CohortStatus(
        states=tuple(states),
        failures=tuple(failures),
        cases_per_hour=100.0,
        seconds_left=None,
        is_worked_on=False,
    )
    evaluation = (
        Evaluation(cases=tuple(cases), trained_on=tuple(trained_on)) if cases else None
    )
    sheet = Sheet(
        models=("abdomen",),
        status=status,
        results=results,
        evaluation=evaluation,
        has_thumbnails=more.get("has_thumbnails", True),
        has_quality=more.get("has_quality", False),
    )
    return contact_sheet(sheet, Places(Path("/home/carla/night")))


def failure(case_id, code=ErrorCode.TIMED_OUT):
    return CaseFailure(
        case_id=case_id, code=code, what="it was not done", remedy="Look at it."
    )


class TestOrder:
    def test_the_worst_dice_comes_first_and_what_has_none_last(self):
        results = [result(name) for name in ("a", "b", "c", "d")]
        cases = [scores("a", 0.9, 0.8), scores("c", 0.2, 0.9), scores("d", None, None)]
        page = Page(page_of(results, cases=cases))
        assert list(page.cards) == ["c", "a", "b", "d"]
        assert "Dice 0.550" in page.cards["c"]
        assert "liver 1000.0 ml (0.200)" in page.cards["c"]
        assert "Dice" not in page.cards["b"]

    def test_without_references_the_most_unusual_volume_comes_first(self):
        usual = [result(f"case_{n}", (1000.0 + 10 * n, 200.0 - n)) for n in range(9)]
        odd = result("odd", (1010.0, 20.0))
        page = Page(page_of([*usual, odd]))
        assert next(iter(page.cards)) == "odd"
        assert "spleen 20.0 ml unusual" in page.cards["odd"]
        assert "unusual" not in page.cards["case_3"]
        assert "worst Dice first" not in page.text

    def test_without_references_the_lowest_predicted_dice_comes_first(self):
        cases = {"a": (0.9, 0.8), "b": (0.95, 0.4), "c": (0.6, 0.9)}
        results = [result(name, predicted=dice) for name, dice in cases.items()]
        page = Page(page_of(results, has_quality=True))
        assert list(page.cards) == ["b", "c", "a"]
        assert "predicted Dice 0.40" in page.cards["b"]
        assert "spleen 200.0 ml ~0.40" in page.cards["b"]
        assert "lowest predicted Dice first" in page.text
        assert "lowest predicted Dice first" not in Page(page_of(results)).text

    def test_a_structure_missed_where_it_is_otherwise_there_comes_before_all(self):
        usual = [
            result(f"case_{n}", (1000.0 + 10 * n, 200.0 - n), predicted=(0.9, 0.5))
            for n in range(9)
        ]
        missed = result("missed", (1000.0, 0.0), predicted=(0.9, None))
        page = Page(page_of([*usual, missed], has_quality=True))
        assert next(iter(page.cards)) == "missed"
        assert "predicted Dice 0.00" in page.cards["missed"]

    def test_an_organ_missed_comes_first_however_much_the_others_vary(self):
        """Bladders of 60 to 480 ml: one of 0 is within 5 middle deviations."""
        bladders = [
            result(f"case_{n}", (60.0 * n,), ("bladder",), predicted=(0.5 + 0.05 * n,))
            for n in range(1, 9)
        ]
        missed = result("missed", (0.0,), ("bladder",), predicted=(None,))
        assert unusualness([*bladders, missed])["missed"]["bladder"] < UNUSUAL
        page = Page(page_of([*bladders, missed], has_quality=True))
        assert list(page.cards)[:3] == ["missed", "case_1", "case_2"]
        assert "predicted Dice 0.00" in page.cards["missed"]
        assert "bladder not found unusual" in page.cards["missed"]

    def test_of_a_few_cases_too_an_organ_missed_comes_first(self):
        seen = [result(n, predicted=(0.9, 0.5)) for n in ("a", "b")]
        missed = result("c", (1000.0, 0.0), predicted=(0.9, None))
        page = Page(page_of([*seen, missed], has_quality=True))
        assert list(page.cards) == ["c", "a", "b"]
        assert "predicted Dice 0.00" in page.cards["c"]

    def test_a_case_of_which_nothing_is_predicted_comes_before_those_that_are(self):
        """A tumour that every other case has: no one can say that it was missed."""
        seen = [
            result(f"seen_{n}", (5.0 + n,), ("tumour",), predicted=(0.3,))
            for n in range(3)
        ]
        none = [
            result(f"without_{n}", (0.0,), ("tumour",), predicted=(None,))
            for n in range(3)
        ]
        page = Page(page_of([*seen, *none], has_quality=True))
        assert list(page.cards)[:3] == ["without_0", "without_1", "without_2"]
        assert "predicted Dice" not in page.cards["without_0"]

    def test_a_structure_that_is_often_absent_is_not_missed(self):
        rare = [
            result(f"case_{n}", (1000.0 + n, 0.0), predicted=(0.9, None))
            for n in range(6)
        ]
        seen = result("seen", (1000.0, 5.0), predicted=(0.9, 0.3))
        page = Page(page_of([*rare, seen], has_quality=True))
        assert next(iter(page.cards)) == "seen"

    def test_few_cases_are_in_order_of_their_names(self):
        page = Page(page_of([result(n, (v, 1.0)) for n, v in (("b", 9.0), ("a", 1.0))]))
        assert list(page.cards) == ["a", "b"]


def test_dice_of_scans_that_the_model_was_trained_on_is_not_taken_for_more():
    results = [result(name) for name in ("a", "b")]
    cases = [scores("a", 0.9, 0.8), scores("b", 0.2, 0.9)]
    seen = Page(page_of(results, cases=cases, trained_on=("b",)))
    assert "Trained on 1 of 2: no measure of new scans" in seen.text
    assert "Trained on" not in Page(page_of(results, cases=cases)).text


class TestUnusual:
    def test_it_is_counted_in_middle_deviations_of_the_cube_root(self):
        """Edges of 10 mm, two of 9, two of 11, one of 16: 0, 1 and 6 deviations."""
        edges_mm = {"a": 10, "b": 9, "c": 9, "d": 11, "e": 11, "f": 16, "g": 10}
        found = unusualness(
            [result(n, (edge**3 / 1000,), ("liver",)) for n, edge in edges_mm.items()]
        )
        assert found["a"]["liver"] == pytest.approx(0.0)
        assert found["b"]["liver"] == pytest.approx(1.0)
        assert found["f"]["liver"] == pytest.approx(6.0)

    def test_a_structure_that_is_mostly_absent_tells_nothing(self):
        tumours = [result(str(n), (0.0,), ("tumour",)) for n in range(9)]
        found = unusualness([*tumours, result("x", (5.0,), ("tumour",))])
        assert found["x"] == {}

    @pytest.mark.parametrize(
        ("having", "lacking", "is_missed"),
        [(4, 2, True), (3, 2, False), (5, 2, True), (2, 1, True), (1, 1, False)],
    )
    def test_a_structure_is_missed_where_four_fifths_of_the_others_have_it(
        self, having, lacking, is_missed
    ):
        """Of sizes so unlike that none is unusual."""
        seen = [result(str(n), (4.0**n,), ("organ",)) for n in range(having)]
        gone = [result(f"gone {n}", (0.0,), ("organ",)) for n in range(lacking)]
        listed = [*seen, *gone]
        found = missed_structures(listed, unusualness(listed))
        assert {found[each.case_id] for each in seen} <= {frozenset()}
        for each in gone:
            assert found[each.case_id] == ({"organ"} if is_missed else frozenset())

    def test_a_missing_organ_is_unusual(self):
        livers = [result(str(n), (1000.0 + 9 * n,), ("liver",)) for n in range(9)]
        found = unusualness([*livers, result("x", (0.0,), ("liver",))])
        assert found["x"]["liver"] > UNUSUAL


class TestCards:
    def test_what_was_not_found_is_said(self):
        page = Page(page_of([result("a", (1000.0, 0.0))]))
        assert page.cards["a"] == " a liver 1000.0 ml spleen not found"

    def test_notes_of_all_cases_are_told_once_and_others_on_the_card(self):
        notes = ("taken for CT", "taken for CT")
        results = [result("a", notes=(*notes, "tilted by 3 degrees"))]
        results += [result(name, notes=notes) for name in "bc"]
        page = Page(page_of(results))
        assert page.text.count("taken for CT") == 1
        assert "In every case: taken for CT" in page.text
        assert page.cards["a"].endswith("tilted by 3 degrees")

    def test_of_many_structures_those_worth_a_look_are_listed(self):
        names = tuple(f"bone {n}" for n in range(100))
        ordinary = [
            result(str(case), tuple(50.0 + n + case for n in range(100)), names)
            for case in range(9)
        ]
        volumes = [55.0 + n for n in range(100)]
        volumes[70] = 1.0
        page = Page(page_of([*ordinary, result("x", tuple(volumes), names)]))
        assert "bone 70 1.00 ml unusual" in page.cards["x"]
        assert page.cards["x"].count("bone") == 8
        assert "and 92 more in volumes.csv" in page.cards["x"]

    def test_each_has_its_picture_loaded_when_it_is_seen(self):
        page = Page(page_of([result("a"), result("b")]))
        pictures = page.all("img")
        assert [each["src"] for each in pictures] == [
            "thumbnails/a.png",
            "thumbnails/b.png",
        ]
        assert all(each["loading"] == "lazy" for each in pictures)
        assert all(each["alt"] for each in pictures)
        assert not Page(page_of([result("a")], has_thumbnails=False)).all("img")

    def test_of_very_many_cases_the_worst_are_shown_and_the_others_counted(self):
        results = [result(f"{n:05}") for n in range(MOST_CARDS + 30)]
        cases = [scores(each.case_id, 0.9, 0.9) for each in results[:-1]]
        cases.append(scores(results[-1].case_id, 0.1, 0.1))
        page = Page(page_of(results, cases=cases))
        assert len(page.cards) == MOST_CARDS
        assert next(iter(page.cards)) == results[-1].case_id
        assert "30 more are in cases.csv" in page.text


class TestPage:
    def test_failures_are_counted_and_listed_with_what_to_do(self):
        failures = [failure("x"), failure("y"), failure("z", ErrorCode.NOT_AN_IMAGE)]
        page = Page(page_of([result("a")], failures))
        assert "1 of 4 done, 3 failed" in page.text
        assert "TIMED_OUT 2, NOT_AN_IMAGE 1" in page.text
        assert "z NOT_AN_IMAGE: it was not done Look at it." in page.text
        assert page.all("details") == [{"open": None}]

    def test_a_long_list_of_failures_does_not_hide_the_results(self):
        page = Page(page_of([result("a")], [failure(f"x{n}") for n in range(50)]))
        assert page.all("details") == [{}]

    def test_a_cohort_of_which_nothing_is_done(self):
        page = Page(page_of([], [failure("x")]))
        assert "0 of 1 done, 1 failed" in page.text
        assert not page.cards

    def test_words_of_the_user_are_words_and_no_markup(self):
        nasty = '<script>alert("x")</script>'
        named = result("a", structures=(nasty, "b"), patient=nasty, notes=(nasty,))
        html = page_of([named, result("b")])
        assert nasty not in html
        assert len(Page(html).all("script")) == 1

    def test_it_needs_no_network_and_names_no_path(self):
        html = page_of([result("a")], [failure("x")])
        assert "http" not in html
        assert "carla" not in html

    def test_the_same_cases_give_the_same_bytes(self):
        results = [result(str(n), (1000.0 + n, 5.0 * n)) for n in range(12)]
        assert page_of(results) == page_of([replace(each) for each in results])

    def test_every_control_has_a_name_and_every_id_is_there_once(self):
        html = page_of([result("a")], [failure("x")])
        ids = [each["id"] for _, each in Page(html).elements if "id" in each]
        assert len(ids) == len(set(ids))
        for control in ("find", "order", "size"):
            assert f'id="{control}"' in html.split("<label>", 1)[1]
        assert Page(html).all("html") == [{"lang": "en"}]
