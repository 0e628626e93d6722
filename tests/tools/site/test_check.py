from pathlib import Path

import pytest

from tools.site.check import findings

ROOT = Path(__file__).parents[3]


def test_everything_that_the_pages_name_is_there() -> None:
    assert findings(ROOT) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](docs/other.md)", []),
        ("[a](docs/other.md#a-part)", []),
        ("[a](docs)", []),
        ("`make fine` and `make`", []),
        ("`operator/src/serin/x.py`, `serin/x.py`, `serin/*.py`, `serin/<name>.py`", []),
        ("[a](docs/gone.md)", ["README.md:1: docs/gone.md is not there"]),
        ("\n[a](docs/other.md#gone)", ["README.md:2: docs/other.md has no heading #gone"]),
        ("[a](#gone)", ["README.md:1: README.md has no heading #gone"]),
        ("[a](../outside.md)", ["README.md:1: ../outside.md is not there"]),
        ("`make nothing`", ["README.md:1: the Makefile has no target nothing"]),
        ("`serin/gone.py`", ["README.md:1: serin/gone.py is not there"]),
        ("`serin/*.toml`", ["README.md:1: serin/*.toml is not there"]),
    ],
)
def test_what_is_not_there_is_named_with_its_line(tmp_path: Path, text: str, found: list[str]) -> None:
    (tmp_path.parent / "outside.md").write_text("x")
    for path, content in {
        "Makefile": "fine: other\n\ttrue\n",
        "docs/other.md": "# Other\n## A part\n",
        "operator/src/serin/x.py": "",
        "README.md": text,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    assert findings(tmp_path) == found
