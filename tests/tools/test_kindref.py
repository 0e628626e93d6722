from pathlib import Path

import pytest

from tools.crdgen import KINDS
from tools.kindref import FOLDER, main, page, rendered

ROOT = Path(__file__).parents[2]


def test_the_pages_are_those_of_the_code() -> None:
    stale = [name for name, text in rendered().items() if (ROOT / FOLDER / name).read_text("utf-8") != text]
    assert stale == [], "run `make crds`"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_row_has_four_cells(kind: object) -> None:
    rows = [line for line in page(kind).splitlines() if line.startswith("| ")]  # type: ignore[arg-type]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}


def test_a_field_is_told_with_its_type_its_default_and_its_bounds() -> None:
    text = rendered()["promotionpolicies.md"]
    assert "| `slos[].severity` | string | `Critical` |" in text
    assert "One of `Critical`, `Required`, `Advisory`." in text
    assert "nothing could be rolled back. At most 32 entries. |" in text


def test_a_rule_of_the_kind_is_told_in_its_own_words() -> None:
    assert "* `spec`: until must be later than from" in rendered()["promotionfreezes.md"]


def test_check_names_the_page_that_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    (tmp_path / "promotionfreezes.md").write_text("old")
    assert main([str(tmp_path), "--check"]) == 1
    assert "promotionfreezes.md differs from the models" in capsys.readouterr().err
