"""Which file of a MONAI bundle its weights lie in."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.models.foreign.bundle_config import Config
from medseg.models.foreign.checkpoints import (
    Checkpoint,
    damaged_checkpoint,
    read_checkpoint,
)
from medseg.models.foreign.texts import one_line

_USUAL_FILE = "models/model.pt"
_TABLES = ("model", "state_dict", "network", "net")
_LOADER = "CheckpointLoader"
_NETWORK = ("@network", "$@network", "@network_def", "$@network_def")
_HERE = {"bundle_root": "."}
_DEEPEST = 20


def read_weights(folder: Path, inference: Config) -> tuple[Path, Checkpoint]:
    """The checkpoint that the configuration loads; `models/model.pt` if it loads none.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL when what it loads is not known; NOT_FOUND;
            as `read_checkpoint`.
    """
    config = replace(inference, root={**inference.root, **_HERE})
    loaders = list(_loaders(config, config.root, "", _DEEPEST))
    names = dict.fromkeys(_path(config, key, loader) for key, loader in loaders)
    if len(names) > 1:
        raise config.refusal(_LOADER, f"several files are loaded: {', '.join(names)}")
    file = folder / next(iter(names), _USUAL_FILE)
    parts = [part for _, loader in loaders for part in _parts(loader)]
    return file, _state(file, parts)


def _loaders(
    config: Config, raw: Any, key: str, depth: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whatever loads a checkpoint, wherever it stands, and its place."""
    if depth == 0:
        return
    inner = list(raw.items()) if isinstance(raw, dict) else []
    if isinstance(raw, list):
        inner = list(enumerate(raw))
    if isinstance(raw, dict) and _is_loader(raw) and not _is_off(raw):
        yield key, raw
    for name, each in inner:
        yield from _loaders(config, each, f"{key}#{name}".lstrip("#"), depth - 1)


def _is_loader(raw: dict[str, Any]) -> bool:
    return str(raw.get("_target_")).rpartition(".")[2] == _LOADER


def _is_off(raw: dict[str, Any]) -> bool:
    """Anything else, as whether the file is there, is looked at afterwards."""
    return str(raw.get("_disabled_")) in ("True", "true")


def _path(config: Config, key: str, loader: dict[str, Any]) -> str:
    """Within the bundle."""
    place = f"{key}#load_path"
    found = config.plain(loader.get("load_path"), place)
    path = PurePosixPath(found) if isinstance(found, str) else PurePosixPath("/")
    if path.is_absolute() or ".." in path.parts or "\\" in str(found):
        raise config.refusal(place, f"{one_line(found)!r} is no file of the bundle")
    return str(path)


def _parts(loader: dict[str, Any]) -> Iterator[str]:
    """Under which key of the file the network's weights may lie."""
    named = loader.get("load_dict")
    for part, what in named.items() if isinstance(named, dict) else ():
        if what in _NETWORK:
            yield str(part)


def _state(file: Path, parts: list[str]) -> Checkpoint:
    """The table of tensors, one level below the top of the checkpoint or there."""
    if not file.is_file():
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "the bundle has no such weights",
            where=file,
            remedy="Give the whole bundle; large files may have to be downloaded.",
        )
    whole = read_checkpoint(file)
    below = [*parts, *(() if whole.tensors else _TABLES)]
    for part in below:
        if isinstance(whole.values.get(part), dict):
            return read_checkpoint(file, part)
    if not whole.tensors:
        raise damaged_checkpoint(file, "it holds no weights")
    return whole
