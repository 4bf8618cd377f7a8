"""Models of other tools, taken in and given out on the command line."""

from pathlib import Path

from medseg.cli.app import run
from tests.core.models.foreign.bundles import Recipe, write_bundle, write_configs

NNUNET = Path(__file__).parents[1] / "models" / "foreign" / "nnunet"


def test_a_bundle_is_imported_and_exported_again(tmp_path, capsys):
    bundle = write_bundle(tmp_path / "bundle", Recipe())
    model = tmp_path / "model"
    words = ["models", "import", str(bundle), "-o", str(model), "--name", "organs"]
    assert run(words) == 0
    assert "overlap is 0.5" in capsys.readouterr().out
    assert run(["models", "show", str(model)]) == 0
    assert "liver, spleen" in capsys.readouterr().out
    assert run(["models", "export", str(model), "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "models" / "model.pt").is_file()
    assert run(words) == 2
    assert "OUTPUT_EXISTS" in capsys.readouterr().err


def test_what_cannot_be_imported_is_one_line(tmp_path, capsys):
    bundle = tmp_path / "bundle"
    recipe = Recipe(network={"_target_": "os.system", "command": "id"})
    write_configs(bundle, recipe.config(), recipe.metadata())
    assert run(["models", "import", str(bundle), "-o", str(tmp_path / "model")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("UNSUPPORTED_MODEL: network_def: os.system")
    words = ["models", "import", str(bundle), "-o", str(tmp_path / "model")]
    assert run([*words, "--trained-as", "XYZ"]) == 2
    assert "--trained-as" in capsys.readouterr().err


def test_of_an_imported_model_only_what_is_known_is_shown(tmp_path, capsys):
    plain = NNUNET / "plain" / "Dataset101_Plain"
    model = str(tmp_path / "plain")
    assert run(["models", "import", str(plain), "-o", model]) == 0
    capsys.readouterr()
    assert run(["models", "show", model]) == 0
    text = capsys.readouterr().out
    shown = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert "steps" not in shown
    assert "cases" not in shown["trained"]
    assert "background" not in shown["summary"]
    assert shown["axes"] == "the axes k, j, i as they lie in the file"
    assert "reason        axes: taken as they lie in the file" in text
    assert all(shown.values())
