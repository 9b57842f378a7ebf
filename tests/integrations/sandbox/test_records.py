"""Without this module the records could grow for ever, or lose their order when a document changes."""

from dataclasses import dataclass, replace
from pathlib import Path

from integrations.sandbox.records import SLACK, Records, Shelf


@dataclass(frozen=True)
class Note:
    number: int
    words: list[str]


def test_a_shelf_keeps_the_newest_and_its_order(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.sqlite3")
    for number in range(SLACK * 3):
        Shelf(records, "notes", Note, keep=10).put(f"n{number}", Note(number, []))
    notes = Shelf(records, "notes", Note, keep=10)
    assert [note.number for note in notes.every()] == list(range(SLACK * 3 - 10, SLACK * 3))
    first = notes.every()[0]
    notes.put(f"n{first.number}", replace(first, words=["改"]))
    assert notes.every()[0] == Note(first.number, ["改"])
    records.close()


def test_another_process_finds_what_was_written(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.sqlite3")
    Shelf(records, "notes", Note, keep=10).put("a", Note(1, ["一"]))
    again = Records(tmp_path / "records.sqlite3")
    assert Shelf(again, "notes", Note, keep=10).get("a") == Note(1, ["一"])
    assert (tmp_path / "records.sqlite3").stat().st_mode & 0o777 == 0o600
    records.close()
    again.close()
