from dataclasses import fields

import npe2
import pytest
from napari.settings import get_plugin_settings

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


@pytest.mark.usefixtures("plugin_settings", "medseg_plugin")
def test_what_the_user_sets_holds():
    settings = get_plugin_settings("medseg")

    settings.session.autosave_minutes = 2
    settings.review.read_ahead = False
    settings.segment.device = "cpu"

    assert preferences() == Preferences(
        session_autosave_minutes=2, review_read_ahead=False, segment_device="cpu"
    )


def test_every_precision_of_the_core_can_be_preferred(manifest):
    declared = manifest.contributions.configurations["segment"].properties["precision"]

    assert declared.enum == [each.value for each in medseg.Precision]


@pytest.mark.usefixtures("plugin_settings")
def test_where_napari_knows_no_settings_the_defaults_hold():
    assert preferences() == Preferences()
