"""Names, colours and kinds of structures."""

import pytest

from medseg import LabelSet, Structure, StructureKind
from medseg.core.labels import kind_of, names_a_side, standard_colour


def test_structures_are_in_the_order_of_their_ids_and_background_is_none():
    labels = LabelSet.from_names([(5, "spleen"), (0, "background"), (2, "liver")])
    assert labels.ids == (2, 5)
    assert labels.names == ("liver", "spleen")
    assert [structure.name for structure in labels] == ["liver", "spleen"]
    assert len(labels) == 2
    assert labels["spleen"].id == 5
    assert "liver" in labels
    assert "background" not in labels


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="liver, spleen"):
        LabelSet.from_names([(1, "liver"), (2, "spleen")])["heart"]


@pytest.mark.parametrize(
    ("names", "what"),
    [([(1, "liver"), (1, "spleen")], "id"), ([(1, "liver"), (2, "liver")], "name")],
)
def test_duplicates_are_refused(names, what):
    with pytest.raises(ValueError, match=f"each {what} once"):
        LabelSet.from_names(names)


@pytest.mark.parametrize(
    ("id_", "name", "colour"),
    [
        (0, "liver", (1, 2, 3)),
        (65536, "liver", (1, 2, 3)),
        (1, " ", (1, 2, 3)),
        (1, "liver", (0, 256, 0)),
    ],
)
def test_an_impossible_structure_is_refused(id_, name, colour):
    with pytest.raises(ValueError, match=r"id is|no name|colour"):
        Structure(id=id_, name=name, colour=colour)


@pytest.mark.parametrize(
    "name",
    ["left kidney", "kidney_right", "Kidney (left)", "LeftKidney", "hippocampus-R"],
)
def test_a_side_in_a_name_makes_labels_lateral(name):
    assert LabelSet.from_names([(1, "liver"), (2, name)]).is_lateral


@pytest.mark.parametrize("name", ["liver", "L1 vertebra", "bright spot", "cleft"])
def test_other_names_are_not_lateral(name):
    assert not LabelSet.from_names([(1, name)]).is_lateral


@pytest.mark.parametrize(
    "name",
    [
        *("liver tumour", "Enhancing_Tumor", "LungNodules", "metastases", "cancer"),
        *("edema", "Peritumoral oedema"),
    ],
)
def test_lesions_are_things(name):
    assert kind_of(name) is StructureKind.THING


@pytest.mark.parametrize("name", ["liver", "cystic duct", "Anterior"])
def test_organs_are_stuff(name):
    assert kind_of(name) is StructureKind.STUFF


def test_neighbouring_labels_have_colours_of_their_own():
    colours = [standard_colour(label) for label in range(1, 29)]
    assert len(set(colours)) == 28
    assert all(0 <= part <= 255 for colour in colours for part in colour)


@pytest.mark.parametrize(
    ("name", "is_lateral"),
    [
        *(("left kidney", True), ("kidney_l", True), ("LKidney", True)),
        *(("leftkidney", True), ("liver", False), ("lung", False), ("rind", False)),
        *(("kidneyleft", True), ("ctx-lh-cuneus", True), ("Niere links", True)),
    ],
)
def test_a_side_in_a_name_is_seen(name, is_lateral):
    assert names_a_side([name]) is is_lateral


@pytest.mark.parametrize(
    "name",
    [
        *("linke Niere", "Rechter Vorhof", "rechte_Niere", "linker nier"),
        *("rein gauche", "poumon droit", "surrénale droite", "reins gauches"),
        *("riñón izquierdo", "pulmón derecho", "rim esquerdo", "rim direito"),
        *("rene sinistro", "rene destro", "ren sinister", "auricula dextra"),
        *("atrium sinistrum", "левая почка", "правый желудочек", "左肾", "右肺"),
    ],
)
def test_a_side_in_another_language_is_seen(name):
    assert names_a_side([name])


@pytest.mark.parametrize(
    "name",
    ["rectum", "Rechteck", "Linse", "sinus", "directus", "duodenum", "sinistral"],
)
def test_words_that_begin_like_a_side_are_none(name):
    assert not names_a_side([name])


@pytest.mark.parametrize(
    ("names", "is_lateral"),
    [
        (("Lkidney", "Rkidney"), True),
        (("LAG", "RAG"), True),
        (("hippocampusL", "hippocampusR"), True),
        (("kidneyl", "kidneyr"), True),
        (("liver", "pancreas"), False),
        (("lung", "rib", "liver", "spleen", "colon", "bladder", "prostate"), False),
        (("LA", "LV", "RA", "RV"), True),
    ],
)
def test_two_names_that_differ_by_their_side_are_seen(names, is_lateral):
    assert names_a_side(names) is is_lateral
