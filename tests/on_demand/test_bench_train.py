"""Every network takes its steps in `medseg bench train`: minutes of two cores."""

import json

from medseg.cli.bench import app
from medseg.core.plan import TRAINED_ARCHITECTURES


def test_the_command_measures_every_network_and_prints_json(capsys):
    words = ["train", "--patch", "24", "--batch", "1", "--repeats", "1"]
    app([*words, "--no-compile", "--json"], result_action="return_value")
    result = json.loads(capsys.readouterr().out)
    assert result["patch_shape"] == [24, 24, 24]
    names = [each["contender"] for each in result["networks"]]
    assert names[: len(TRAINED_ARCHITECTURES)] == list(TRAINED_ARCHITECTURES)
    assert [each["contender"] for each in result["unet"]] == ["MedSeg", "plain float32"]
