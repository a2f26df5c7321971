"""Rows as one range of an index has them, and what else is to hold of them."""
# ruff: noqa: S608  # what is put together here are our own names; values are always quoted

from string import ascii_lowercase

from attrs import frozen

from trioworq.stores.mysql.literals import Value, fill
from trioworq.stores.searching import folded


@frozen
class Condition:
    """A condition with a `%s` for each of its values."""

    text: str
    values: tuple[Value, ...] = ()


@frozen
class Range:
    """A part of a table, read by the index that `source` names."""

    source: str
    condition: Condition

    def also(self, *conditions: Condition) -> "Range":
        """Return the part of this part for which these hold too."""
        every = (self.condition, *conditions)
        text = " AND ".join(each.text for each in every)
        return Range(self.source, Condition(text, tuple(value for each in every for value in each.values)))

    def select(self, what: str, behind: str = "", *more: Value) -> bytes:
        """Return the statement that reads `what` of it; `more` are the values of what stands behind."""
        statement = f"SELECT {what} FROM {self.source} WHERE {self.condition.text} {behind}"
        return fill(statement, (*self.condition.values, *more))


def holds(text: str, *columns: str) -> Condition:
    """Return the condition that one of the columns has this text in it, whatever the case of ASCII letters.

    The columns are binary, where a server folds nothing, and what it would fold of text is more than ASCII.
    Only the letters of the text have to be folded: none of the others is in it.
    """
    needle = folded(text).encode("utf-8", "surrogatepass")
    letters = sorted(set(folded(text)) & set(ascii_lowercase))
    found = " OR ".join(f"INSTR({_folded(column, letters)}, %s)" for column in columns)
    return Condition(f"({found})", (needle,) * len(columns))


def _folded(column: str, letters: list[str]) -> str:
    for letter in letters:
        column = f"REPLACE({column}, '{letter.upper()}', '{letter}')"
    return column
