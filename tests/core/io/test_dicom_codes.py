"""SNOMED CT codes are those of DICOM's own dictionary; names go there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from medseg import LabelSet, Structure, StructureKind
from medseg.io.dicom import codes as dicom_codes
from medseg.io.dicom.codes import code_item, codes_of, kind_from, snomed_of
from medseg.io.dicom.names import MAX_LABEL, label_of, name_of, told_apart


def structure(name):
    (made,) = LabelSet.from_names([(1, name)])
    return made


@pytest.mark.parametrize(
    ("name", "concept"),
    [
        ("liver", codes.SCT.Liver),
        ("Spleen", codes.SCT.Spleen),
        ("inferior_vena_cava", codes.SCT.InferiorVenaCava),
        ("SpinalCord", codes.SCT.SpinalCord),
        ("oesophagus", codes.SCT.Esophagus),
        ("kidney", codes.SCT.Kidney),
        ("liver tumour", codes.SCT.Neoplasm),
        ("lung nodule", codes.SCT.Nodule),
        ("lesion 3", codes.SCT.Lesion),
    ],
)
def test_common_names_have_their_concept(name, concept):
    assert codes_of(structure(name)).type == concept


def test_every_organ_is_in_the_dictionary_of_dicom_under_its_name():
    for value, meaning in dicom_codes._ORGANS.values():  # noqa: SLF001
        keyword = "".join(word.capitalize() for word in meaning.split())
        if meaning == "Urinary bladder":
            continue  # the dictionary has it as "Urinary bladder structure" alone
        assert getattr(codes.SCT, keyword).value == value


def test_a_side_is_a_modifier_or_in_the_concept_itself():
    assert codes_of(structure("Lung (left)")).side == codes.SCT.Left
    assert codes_of(structure("lung_r")).side == codes.SCT.Right
    kidney = codes_of(structure("left kidney"))
    assert (kidney.type.value, kidney.side) == ("18639004", None)
    assert codes_of(structure("right kidney")).type.value == "9846003"


def test_an_unknown_name_is_anatomy_and_gives_no_concept_back():
    coded = codes_of(structure("label 7"))
    assert coded.type == coded.category == codes.SCT.AnatomicalStructure
    assert snomed_of([code_item(coded.type)]) is None


def test_a_structure_with_a_concept_keeps_it():
    own = Structure(id=1, name="x", colour=(0, 0, 0), snomed_ct="123")
    assert codes_of(own).type.value == "123"


def test_old_snomed_codes_of_known_organs_are_understood():
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "T-62000", "SRT"
    assert snomed_of([item]) == codes.SCT.Liver.value
    item.CodeValue = "T-00000"
    assert snomed_of([item]) is None
    assert snomed_of([]) is None


def test_the_category_says_the_kind_and_else_the_name():
    lesion = [code_item(codes.SCT.MorphologicallyAbnormalStructure)]
    assert kind_from(lesion, "spot") is StructureKind.THING
    anatomy = [code_item(codes.SCT.AnatomicalStructure)]
    assert kind_from(anatomy, "cyst") is StructureKind.STUFF
    assert kind_from([code_item(codes.SCT.Tissue)], "cyst") is StructureKind.THING
    assert kind_from([], "liver") is StructureKind.STUFF


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=300))
def test_names_of_any_length_come_back(name):
    label, description = label_of(name)
    assert len(label) <= MAX_LABEL
    assert name_of(label, description or "") == name.replace("\\", " ").strip()


def test_the_description_of_another_writer_is_no_name():
    assert name_of("Liver", "Liver, drawn by hand") == "Liver"
    assert name_of("x" * 61 + "...", "something else") == "x" * 61 + "..."


def test_each_name_is_there_once():
    assert told_apart(["a", "", "a", "a"], [1, 2, 3, 4]) == (
        "a",
        "segment 2",
        "a (3)",
        "a (4)",
    )
