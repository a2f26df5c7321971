"""The file of API tokens: what its lines may be, and what is said of those that are none."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.config import ConfigError
from trioworq.web.messages import Scope
from trioworq.web.tokens import MAX_FILE_BYTES, Tokens, new_token, parse_tokens, read_tokens

HASH = "sha256:" + "ab" * 32
GOOD = f"shop push {HASH}"


def scopes_of(tokens: Tokens, token: str) -> set[Scope] | None:
    """Return what a token allows."""
    scopes = tokens.scopes_of(token.encode())
    return None if scopes is None else set(scopes)


@pytest.mark.parametrize(
    ("words", "scopes"),
    [
        ("push", {Scope.PUSH}),
        ("work", {Scope.WORK}),
        ("read", {Scope.READ}),
        ("read,push", {Scope.PUSH, Scope.READ}),
        ("push,push", {Scope.PUSH}),
        ("admin", set(Scope)),
        ("push,admin", set(Scope)),
    ],
)
def test_a_new_token_allows_what_its_line_says(words: str, scopes: set[Scope]) -> None:
    """No more and no less; an administrator may do everything."""
    token, line = new_token("shop", words)
    tokens = parse_tokens([line])
    assert scopes_of(tokens, token) == scopes
    for other in (token[:-1], token + "x", token.upper(), "", sha256(token.encode()).hexdigest()):
        assert scopes_of(tokens, other) is None


def test_a_new_token_cannot_be_guessed_and_is_not_in_its_line() -> None:
    """It has 256 random bits, 43 characters that a header takes, behind what tells secret scanners of it."""
    made = [new_token("shop", "push") for _ in range(100)]
    assert len({token for token, _ in made}) == 100
    for token, line in made:
        prefix, _, word = token.partition("_")
        assert prefix == "trioworq"
        assert len(word) == 43
        assert word not in line


@pytest.mark.parametrize(
    ("name", "scopes"),
    [("", "push"), ("a b", "push"), ("a#b", "push"), ("x" * 65, "push"), ("é", "push"), ("shop", ""),
     ("shop", "all"), ("shop", "push, read"), ("shop", "PUSH"), ("shop", "push,")],
)  # fmt: skip
def test_no_token_is_made_that_no_line_can_hold(name: str, scopes: str) -> None:
    """A bad name or scope is told before there is a token."""
    with pytest.raises(ValueError, match=r"name|scopes"):
        new_token(name, scopes)


def test_comments_and_empty_lines_count_for_nothing() -> None:
    """Wherever they stand, and whatever ends the lines."""
    known, first = new_token("a", "push")
    also_known, second = new_token("b", "read")
    text = f"# tokens\r\n\r\n \t\r\n  {first}   # the shop's\r\n#{second}\r\n\t{second.replace(' ', chr(9))}"
    tokens = parse_tokens(text.splitlines())
    assert tokens.scopes_of(known.encode()) == frozenset({Scope.PUSH})
    assert tokens.scopes_of(also_known.encode()) == frozenset({Scope.READ})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("secret-word", "should be a name, scopes and a hash"),
        (f"shop {HASH}", "should be a name, scopes and a hash"),
        (f"shop push {HASH} more", "should be a name, scopes and a hash"),
        (f"shop secret-word {HASH}", "scopes should be some of push, work, read, admin"),
        ("shop push secret-word", "a hash should be sha256: and 64 hexadecimal digits"),
        (f"shop push {HASH[7:]}", "a hash should be"),
        (f"shop push {HASH}00", "a hash should be"),
        (f"secret-word! push {HASH}", "a name should be"),
        (f"shop admin {HASH.upper().replace('SHA256', 'sha256')}", "its name or its hash stands in a line"),
        (f"first push {HASH.replace('b', 'c')}", "its name or its hash stands in a line before"),
    ],
)
def test_a_bad_line_is_told_by_its_number_alone(line: str, reason: str, tmp_path: Path) -> None:
    """What stands in it may be a token that somebody has put in the wrong place (I14)."""
    path = tmp_path / "tokens"
    path.write_text(f"# tokens\nfirst read {HASH}\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read_tokens(str(path))
    assert str(caught.value).startswith(f"api_tokens_file: {path}: line 3: {reason}")
    assert "secret-word" not in str(caught.value)
    assert "abab" not in str(caught.value).lower()


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n"])
def test_a_file_without_a_token_is_refused(text: str, tmp_path: Path) -> None:
    """It would lock everybody out; the line says how a token is made."""
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(ConfigError, match="holds no token; make one with trioworq --new-api-token NAME"):
        read_tokens(str(path))


def config_error(path: str) -> str:
    """Return the one line that refuses a file."""
    with pytest.raises(ConfigError) as caught:
        read_tokens(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    """One that is missing, none at all, a folder, a pipe, binary, too large."""
    missing, pipe, binary, large = (str(tmp_path / name) for name in ("missing", "pipe", "binary", "large"))
    os.mkfifo(pipe)
    Path(binary).write_bytes(b"\xff\xfe")
    Path(large).write_text("#" * (MAX_FILE_BYTES + 1))
    assert config_error(missing) == f"api_tokens_file: cannot read {missing}: No such file or directory"
    assert "cannot read" in config_error("a\0b")
    assert str(tmp_path) in config_error(str(tmp_path))
    assert config_error(pipe).endswith("should be a regular file")
    assert config_error(binary).endswith("is not UTF-8")
    assert "has more than" in config_error(large)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Some editors put one there."""
    path = tmp_path / "tokens"
    token, line = new_token("shop", "push")
    path.write_text(line, encoding="utf-8-sig")
    assert read_tokens(str(path)).scopes_of(token.encode()) == frozenset({Scope.PUSH})


@given(
    st.lists(st.one_of(st.text(), st.just(GOOD), st.tuples(st.text(), st.text(), st.text()).map(" ".join)))
)
def test_any_lines_are_tokens_or_one_line_of_reason(lines: list[str]) -> None:
    """Reading them ends in no other way."""
    reason = ""
    try:
        parse_tokens(lines)
    except ValueError as error:
        reason = str(error)
    assert "\n" not in reason
