from dataclasses import fields

import npe2
import pytest

import medseg
from napari_medseg.preferences import Preferences, preferences


@pytest.fixture(scope="module")
def manifest():
    return npe2.PluginManifest.from_distribution("medseg")


def test_the_defaults_are_those_of_the_manifest(manifest):
    declared = {
        f"{category}_{name}": each.default
        for category, configuration in manifest.contributions.configurations.items()
        for name, each in configuration.properties.items()
    }

    assert declared == {f.name: f.default for f in fields(Preferences)}


def test_what_the_user_sets_holds(settings_page):
    settings_page.session.autosave_minutes = 2
    settings_page.review.read_ahead = False
    settings_page.segment.device = "cpu"

    assert preferences() == Preferences(
        session_autosave_minutes=2, review_read_ahead=False, segment_device="cpu"
    )


def test_every_precision_of_the_core_can_be_preferred(manifest):
    declared = manifest.contributions.configurations["segment"].properties["precision"]

    assert declared.enum == [each.value for each in medseg.Precision]


@pytest.mark.usefixtures("own_preferences")
def test_where_napari_knows_no_settings_the_defaults_hold():
    assert preferences() == Preferences()
