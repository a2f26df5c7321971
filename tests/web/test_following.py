"""Files that are read anew when they change."""

import errno
import os
from pathlib import Path

import pytest
import trio
from attrs import define, field

from tests.kept_logs import kept_errors
from trioworq.config import ConfigError
from trioworq.web.following import Followed


@define(eq=False)
class Reading:
    """A file that is followed, and what came of it."""

    path: Path
    used: list[str] = field(factory=list)
    reads: int = 0

    def read(self) -> str:
        """Read the file; what begins with `bad` cannot be used."""
        self.reads += 1
        try:
            text = self.path.read_text()
        except OSError as error:
            raise ConfigError(f"cannot read it: {error.strerror}") from None
        if text.startswith("bad"):
            raise ConfigError(f"{text} cannot be used")
        return text

    def follow(self) -> Followed[str]:
        """Begin."""
        return Followed("an_option", (str(self.path),), self.read, self.used.append)


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """A file with a good text."""
    path = tmp_path / "file"
    path.write_text("one")
    return Reading(path)


async def test_a_file_is_read_at_once_and_again_when_it_has_changed(reading: Reading) -> None:
    """Written to, replaced or made a link to another; unchanged, it is not even read."""
    log, entries = kept_errors()
    followed = reading.follow()
    assert reading.used == ["one"]
    await followed.take_up(log)
    assert reading.reads == 1
    reading.path.write_text("second")
    await followed.take_up(log)
    other = reading.path.with_name("other")
    other.write_text("third.")
    other.rename(reading.path)
    await followed.take_up(log)
    reading.path.with_name("fourth").write_text("fourth")
    reading.path.unlink()
    reading.path.symlink_to("fourth")
    await followed.take_up(log)
    assert reading.used == ["one", "second", "third.", "fourth"]
    assert [entry["event"] for entry in entries] == ["an_option: changed, and is in force"] * 3


async def test_a_change_that_cannot_be_used_is_logged_once_and_leaves_all_as_it_was(reading: Reading) -> None:
    """Bad, gone, bad in another way; a good one is taken up again."""
    log, entries = kept_errors()
    followed = reading.follow()
    for change in ("bad one", None, "bad two", "good"):
        reading.path.unlink(missing_ok=True)
        if change is not None:
            reading.path.write_text(change)
        await followed.take_up(log)
        await followed.take_up(log)
    assert reading.used == ["one", "good"]
    refused, message = (
        entries[:3],
        "an_option: changed, but cannot be used; what was read before stays in force",
    )
    assert [entry["event"] for entry in refused] == [message] * 3
    assert [entry["reason"] for entry in refused] == [
        "bad one cannot be used", "cannot read it: No such file or directory", "bad two cannot be used"
    ]  # fmt: skip
    assert [entry["event"] for entry in entries[3:]] == ["an_option: changed, and is in force"]


async def test_what_cannot_be_read_for_a_moment_is_taken_up_later(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many open files are no change of the file's, and the one that was missed is not forgotten."""

    def fail(_self: Path) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    log, entries = kept_errors()
    followed = reading.follow()
    reading.path.write_text("second")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fail)
        for _ in range(3):
            await followed.take_up(log)
    assert reading.used == ["one"]
    assert [entry["reason"] for entry in entries] == ["cannot read it: Too many open files"]
    for _ in range(3):
        await followed.take_up(log)
    assert reading.used == ["one", "second"]


async def test_a_file_whose_rights_change_is_read_anew(reading: Reading) -> None:
    """One that could not be read may be readable now."""
    log, _ = kept_errors()
    followed = reading.follow()
    os.chmod(reading.path, 0o400)
    await followed.take_up(log)
    assert reading.used == ["one", "one"]


def test_a_first_reading_that_fails_is_raised(reading: Reading) -> None:
    """There is nothing yet that could stay in force."""
    reading.path.write_text("bad")
    with pytest.raises(ConfigError, match="bad cannot be used"):
        reading.follow()


async def test_what_changes_while_it_is_read_is_found_later(reading: Reading) -> None:
    """Nothing is missed between the first reading and the first look."""
    log, _ = kept_errors()

    def read() -> str:
        text = reading.read()
        if text == "one":
            reading.path.write_text("meanwhile")
        return text

    followed = Followed("an_option", (str(reading.path),), read, reading.used.append)
    await followed.take_up(log)
    assert reading.used == ["one", "meanwhile"]


async def test_following_goes_on_until_it_is_cancelled(reading: Reading, nursery: trio.Nursery) -> None:
    """The files are looked at again and again."""
    log, _ = kept_errors()
    nursery.start_soon(reading.follow().follow, log)
    for text in ("second", "third"):
        reading.path.write_text(text)
        with trio.fail_after(20):
            while reading.used[-1] != text:
                await trio.sleep(0.02)
