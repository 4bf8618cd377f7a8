"""Values of a MONAI bundle's configuration, worked out by hand.

A value is a literal, a reference to one (`@name`, `@list#0`), or a Python expression
(`$...`). Expressions are taken apart, never evaluated: only a few shapes that bundles
have literals in are known.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from medseg.core.errors import UnusableInput

_LONGEST_EXPRESSION = 1_000
_MOST_STEPS, _MOST_VALUES, _DEEPEST = 10_000, 10_000, 30
_REFERENCE = re.compile(r"@([A-Za-z_]\w*(?:(?:#|::)\w+)*)")
_ARRANGED: dict[str, Callable[[Any], Any]] = {"list": list, "tuple": list, "len": len}


@dataclass(eq=False)
class Resolver:
    """Follows references, in a limited number of steps.

    Attributes:
        root: The configuration as JSON or YAML gives it.
        refusal: Makes the error for a key and what is wrong there.
    """

    root: dict[str, Any]
    refusal: Callable[[str, str], UnusableInput]
    _steps: int = field(default=0, init=False)

    def plain(self, raw: Any, key: str, depth: int = 0) -> Any:
        """Without references and expressions."""
        found = self.looked_up(raw, key, depth)
        if isinstance(found, dict):
            if "_target_" in found:
                raise self.refusal(key, "it is a component, not a plain value")
            return {
                str(name): self.plain(each, f"{key}#{name}", depth + 1)
                for name, each in found.items()
            }
        if isinstance(found, list):
            return [
                self.plain(each, f"{key}#{place}", depth + 1)
                for place, each in enumerate(found)
            ]
        return found

    def looked_up(self, raw: Any, key: str, depth: int = 0) -> Any:
        """What a reference leads to, or an expression stands for, at the top."""
        self._steps += 1
        if self._steps > _MOST_STEPS or depth > _DEEPEST:
            raise self.refusal(key, "its references go round or too deep")
        if not isinstance(raw, str):
            return raw
        if raw.startswith("$"):
            return self._expression(raw[1:].strip(), key, depth)
        if raw.startswith("@"):
            match = _REFERENCE.fullmatch(raw)
            if match is None:
                raise self.refusal(key, f"{raw!r} is not supported")
            return self._referred(match[1], key, depth)
        if raw.startswith("%"):
            raise self.refusal(key, f"{raw!r} leads to another file")
        return raw

    def _referred(self, path: str, key: str, depth: int) -> Any:
        found: Any = self.root
        for name in re.split("#|::", path):
            found = self.looked_up(found, key, depth + 1)
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            else:
                raise self.refusal(key, f"there is no @{path}")
        return self.looked_up(found, key, depth + 1)

    def _expression(self, text: str, key: str, depth: int) -> Any:
        """Literals and references put together; nothing is evaluated."""
        if only := _REFERENCE.fullmatch(text):
            return self._referred(only[1], key, depth)
        if len(text) > _LONGEST_EXPRESSION:
            raise self.refusal(key, "the expression is too long")
        names: dict[str, str] = {}

        def named(match: re.Match[str]) -> str:
            name = f"reference_{len(names)}"
            names[name] = match[1]
            return name

        try:
            tree = ast.parse(_REFERENCE.sub(named, text), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self.refusal(key, f"${text} is not supported") from None
        values = _Shapes(self, names, key, depth)
        result = values.of(tree)
        if result is _UNKNOWN or _count(result) > _MOST_VALUES:
            raise self.refusal(key, f"the expression ${text} is not evaluated")
        return result


_UNKNOWN = object()


@dataclass(eq=False)
class _Shapes:
    """The known shapes of expressions; anything else is unknown.

    Literals, references, lists, `a + b` of two texts, lists or numbers, `a if b else
    c`, `len(a)`, `list(a)`, `tuple(a)`.
    """

    resolver: Resolver
    names: dict[str, str]
    key: str
    depth: int

    def of(self, tree: ast.expr) -> Any:
        """The value, or `_UNKNOWN`."""
        value: Any = _UNKNOWN
        match tree:
            case ast.Constant(value=bool() | int() | float() | str() | None):
                value = tree.value
            case ast.Name(id=name) if name in self.names:
                reference = f"@{self.names[name]}"
                value = self.resolver.plain(reference, self.key, self.depth + 1)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                values = [self.of(part) for part in parts]
                value = _UNKNOWN if _UNKNOWN in values else values
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                number = self.of(operand)
                value = -number if isinstance(number, int | float) else _UNKNOWN
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                value = _sum(self.of(left), self.of(right))
            case ast.IfExp(test=test, body=yes, orelse=no):
                condition = self.of(test)
                is_known = isinstance(condition, bool)
                value = self.of(yes if condition else no) if is_known else _UNKNOWN
            case ast.Call(func=ast.Name(id=name), args=[only], keywords=[]):
                value = self._call(name, self.of(only))
        return value

    def _call(self, name: str, value: Any) -> Any:
        if name not in _ARRANGED or not isinstance(value, list | dict):
            return _UNKNOWN
        return _ARRANGED[name](value)


def _sum(first: Any, second: Any) -> Any:
    """Two texts, two lists or two numbers put together."""
    kinds = {_kind(first), _kind(second)}
    is_small = _count(first) + _count(second) <= _MOST_VALUES
    if len(kinds) > 1 or None in kinds or not is_small:
        return _UNKNOWN
    return first + second


def _kind(value: Any) -> type | None:
    kinds = (str, list, int, float)
    kind = next((kind for kind in kinds if isinstance(value, kind)), None)
    return float if kind is int else kind


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list | str | dict) else 1
