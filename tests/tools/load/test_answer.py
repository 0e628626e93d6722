from __future__ import annotations

from pathlib import Path

from e2e.load.answer import Answer, AnswerLog, read_log

ROWS = [Answer(1763839200.123456, 0.0125, 200, "1"), Answer(1763839201.0, 10.0, 0, "", "TimeoutError")]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    with AnswerLog(path) as log:
        for row in ROWS:
            log.write(row)
    assert list(read_log(path)) == ROWS


def test_a_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    with AnswerLog(path) as log:
        for row in ROWS:
            log.write(row)
    path.write_text(path.read_text().rsplit(",", 2)[0])
    assert list(read_log(path)) == ROWS[:1]


def test_an_empty_file_holds_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.touch()
    assert list(read_log(path)) == []
