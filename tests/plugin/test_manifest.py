import subprocess
import sys
from importlib.metadata import entry_points

import npe2
import pytest


@pytest.fixture(scope="module")
def manifest():
    return npe2.PluginManifest.from_distribution("medseg")


def test_the_manifest_is_valid_and_every_command_can_be_imported(manifest):
    manifest.validate_imports()


def test_napari_finds_the_manifest():
    (found,) = entry_points(group="napari.manifest", name="medseg")

    assert found.value == "napari_medseg:napari.yaml"


def test_no_title_names_a_key_for_napari_adds_words_of_its_own(manifest):
    titles = [command.title for command in manifest.contributions.commands]

    assert [
        title for title in titles if "(" in title and "synthetic" not in title
    ] == []


def test_every_kind_of_scan_has_a_reader(manifest):
    reader = manifest.contributions.readers[0]

    assert reader.accepts_directories
    assert {"*.nii", "*.nii.gz", "*.nrrd", "*.mha", "*.dcm"} <= set(
        reader.filename_patterns
    )


@pytest.mark.slow
def test_loading_the_panels_imports_no_torch_and_no_monai():
    code = """
import sys
import medseg, napari_medseg.scores.widget, napari_medseg.segment.widget
medseg.list_models()
print([name for name in ("torch", "monai") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
