"""A MONAI bundle's configuration, read as data.

MONAI builds objects of what a configuration names and evaluates the Python
expressions in it. Here neither happens: a value is a literal, a reference to one, or
an expression of a few known shapes, which is worked out by hand.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.models.foreign.bundle_values import Resolver

_MOST_BYTES = 4 * 2**20


@dataclass(frozen=True, eq=False, kw_only=True)
class Config:
    """The content of a configuration file.

    Attributes:
        root: As JSON or YAML gives it.
        where: The file.
    """

    root: dict[str, Any]
    where: Path

    def has(self, key: str) -> bool:
        """Whether there is such a key at the top."""
        return key in self.root

    def value(self, key: str) -> Any:
        """A top-level value as a plain one, without references or expressions.

        Raises:
            UnusableInput: UNSUPPORTED_MODEL, with the key that is not a plain value.
        """
        return self.plain(self._there(key), key)

    def plain(self, raw: Any, key: str) -> Any:
        """Something of this configuration as a plain value.

        Raises:
            UnusableInput: UNSUPPORTED_MODEL, with the key that is not a plain value.
        """
        return Resolver(self.root, self.refusal).plain(raw, key)

    def component(self, key: str) -> "Component":
        """What a top-level key says to build.

        Raises:
            UnusableInput: UNSUPPORTED_MODEL when it says no such thing.
        """
        component = self.component_of(self._there(key), key)
        if component.is_disabled:
            raise self.refusal(key, "it is disabled")
        return component

    def component_of(self, raw: Any, key: str) -> "Component":
        """What a part of this configuration says to build.

        Raises:
            UnusableInput: UNSUPPORTED_MODEL when it says no such thing.
        """
        found = Resolver(self.root, self.refusal).looked_up(raw, key)
        if not isinstance(found, dict) or not isinstance(found.get("_target_"), str):
            raise self.refusal(key, "it is no component with a _target_")
        if found.get("_mode_", "default") != "default":
            raise self.refusal(key, f"_mode_ = {found['_mode_']!r} is not supported")
        return Component(config=self, key=key, raw=found)

    def components(self, key: str) -> Iterator["Component"]:
        """The steps of a top-level `Compose`, or list of components.

        Those that are disabled are left out.

        Raises:
            UnusableInput: UNSUPPORTED_MODEL when it says no such thing.
        """
        raw = Resolver(self.root, self.refusal).looked_up(self._there(key), key)
        if isinstance(raw, dict):
            compose = self.component_of(raw, key)
            if compose.target != "Compose":
                raise self.refusal(key, f"{compose.target} is not supported")
            strange = {*compose.argument_names} - {"transforms", "map_items"}
            if strange or compose.is_disabled:
                what = f"{min(strange)} is not supported" if strange else "is disabled"
                raise compose.refusal(what)
            key += "#transforms"
            raw = Resolver(self.root, self.refusal).looked_up(
                raw.get("transforms"), key
            )
        if not isinstance(raw, list):
            raise self.refusal(key, "it is no list of transforms")
        for place, each in enumerate(raw):
            component = self.component_of(each, f"{key}#{place}")
            if not component.is_disabled:
                yield component

    def refusal(self, key: str, what: str) -> UnusableInput:
        """The error for something that has no equal here."""
        return UnusableInput(
            ErrorCode.UNSUPPORTED_MODEL,
            f"{key}: {what}",
            where=self.where,
            remedy="Use the bundle with MONAI, or write plain values there.",
        )

    def _there(self, key: str) -> Any:
        if key not in self.root:
            raise self.refusal(key, "it is missing")
        return self.root[key]


@dataclass(frozen=True, eq=False, kw_only=True)
class Component:
    """Something the configuration says to build: a class and its arguments.

    Attributes:
        config: Where it stands.
        key: Its place there.
        raw: As it stands there.
    """

    config: Config
    key: str
    raw: dict[str, Any]

    @property
    def target(self) -> str:
        """Its class: the name alone for MONAI's own, the whole path for others."""
        name: str = self.raw["_target_"]
        path, _, last = name.rpartition(".")
        return last if path.partition(".")[0] in ("", "monai") else name

    @property
    def argument_names(self) -> tuple[str, ...]:
        """Names of the arguments given."""
        return tuple(name for name in self.raw if not name.startswith("_"))

    @property
    def is_disabled(self) -> bool:
        """Whether MONAI leaves it out."""
        value = self.value("_disabled_", default=False)
        is_text = isinstance(value, str)
        return value.strip().lower() == "true" if is_text else bool(value)

    def value(self, name: str, *, default: Any) -> Any:
        """An argument as a plain value; see `Config.plain`."""
        if name not in self.raw:
            return default
        return self.config.plain(self.raw[name], f"{self.key}#{name}")

    def text(self, name: str) -> str:
        """An argument as it stands there; empty when it is no text."""
        raw = self.raw.get(name, "")
        return raw if isinstance(raw, str) else ""

    def refusal(self, what: str) -> UnusableInput:
        """The error for something about it that has no equal here."""
        return self.config.refusal(self.key, f"{self.target}: {what}")


def read_config(file: Path) -> Config:
    """Read a JSON or YAML file as data.

    Raises:
        UnusableInput: DAMAGED_MODEL when it is none; NOT_FOUND.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "the bundle has no such file",
            where=file,
            remedy="Give the folder with configs, models and docs in it.",
        ) from None
    except OSError as error:
        raise _damaged(file, error.strerror or "it cannot be read") from None
    if len(content) > _MOST_BYTES:
        raise _damaged(file, f"it has more than {_MOST_BYTES // 2**20} MiB")
    try:
        is_json = file.suffix == ".json"
        root = json.loads(content) if is_json else _of_yaml(content)
    except (TypeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise _damaged(file, " ".join(str(error).split())[:100]) from None
    if not isinstance(root, dict):
        raise _damaged(file, "it is no table")
    return Config(root=root, where=file)


def _of_yaml(content: bytes) -> Any:
    """What JSON can say of it: no dates, sets and bytes.

    Nor names for parts (aliases), by which a few lines become millions of values.
    """
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not supported")
    return json.loads(json.dumps(yaml.safe_load(content)))


def _damaged(file: Path, what: str) -> UnusableInput:
    return UnusableInput(
        ErrorCode.DAMAGED_MODEL,
        f"the configuration cannot be read: {what}",
        where=file,
        remedy="Copy or download the bundle again.",
    )
