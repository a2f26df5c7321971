"""Which requests the intake lane serves itself."""

import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from trioworq.web.messages import VARIABLE_PART, Route

_SEGMENT = "[^/]+"
_REST = r"[\s\S]+"

_NO_ARGUMENTS: Mapping[str, str] = {}


@frozen
class HotRoutes:
    """The hot ones of all routes.

    As in the app, a literal path goes before one with variable parts, even for methods that it does not take.
    """

    _methods: tuple[bytes, ...]
    _literal: Mapping[tuple[str, str], Route]
    _literal_paths: frozenset[str]
    _variable: tuple[tuple[str, re.Pattern[str], Route], ...]

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "HotRoutes":
        """Pick those that are flagged."""
        every = list(routes)
        hot = [route for route in every if route.is_hot]
        return cls(
            methods=tuple({route.method.encode() + b" ": None for route in hot}),
            literal={(route.method, route.path): route for route in hot if "{" not in route.path},
            literal_paths=frozenset(route.path for route in every if "{" not in route.path),
            variable=tuple((route.method, _pattern(route.path), route) for route in hot if "{" in route.path),
        )

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """Return the route of a decoded path, and its arguments."""
        literal = self._literal.get((method, path))
        if literal is not None:
            return literal, _NO_ARGUMENTS
        if path in self._literal_paths:
            return None
        for its_method, pattern, route in self._variable:
            if method == its_method and (match := pattern.fullmatch(path)):
                return route, match.groupdict()
        return None

    def may_begin(self, received: bytes) -> bool:
        """Whether a hot request may begin like this."""
        return any(received.startswith(method) or method.startswith(received) for method in self._methods)


def _pattern(path: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for part in VARIABLE_PART.finditer(path):
        form = _REST if part[2] else _SEGMENT
        parts += re.escape(path[end : part.start()]), f"(?P<{part[1]}>{form})"
        end = part.end()
    return re.compile("".join([*parts, re.escape(path[end:])]))
