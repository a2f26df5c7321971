"""JSON text on indented lines."""

import json
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.web.compact import compact
from trioworq.web.console.job.indent import MAX_INDENT, indent

NO_BLANKS = {ord(" "): None, ord("\n"): None}

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON, st.booleans(), st.sampled_from([None, 1]))
def test_nothing_changes_but_blanks(value: Any, is_ascii: bool, spaces: int | None) -> None:
    """Every token stays as it was written."""
    text = json.dumps(value, ensure_ascii=is_ascii, indent=spaces)
    written = indent(text).encode("utf-8", "surrogatepass")
    assert compact(written) == compact(text.encode("utf-8", "surrogatepass"))


@given(_JSON, st.data())
def test_the_beginning_of_a_text_is_indented_too(value: Any, data: st.DataObject) -> None:
    """Wherever it has been cut, within a string for example."""
    text = json.dumps(value)
    part = text[: data.draw(st.integers(0, len(text)))]
    assert indent(part).translate(NO_BLANKS) == part.translate(NO_BLANKS)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a":[1,2.50],"b":{}}', '{\n  "a": [\n    1,\n    2.50\n  ],\n  "b": {}\n}'),
        ("[ ]", "[]"),
        ('"a, b: [c]"', '"a, b: [c]"'),
        (r'["\"",{"k":null}]', '[\n  "\\"",\n  {\n    "k": null\n  }\n]'),
        ("12345678901234567890.10e+400", "12345678901234567890.10e+400"),
    ],
)
def test_each_member_and_item_has_a_line(text: str, lines: str) -> None:
    """What is empty stays in one piece."""
    assert indent(text) == lines


@pytest.mark.parametrize("text", ["[" * 65_536, '[{"a":' * 10_000, "[" * 30_000 + "1," * 17_000, "]" * 9])
def test_deep_nesting_does_not_make_much_of_little(text: str) -> None:
    """Nor does it take long."""
    began = perf_counter()
    assert len(indent(text)) <= len(text) * (2 * MAX_INDENT + 2)
    assert perf_counter() - began < 5
