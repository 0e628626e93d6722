import pytest

from tools.site.markdown import anchors, links, spans, title, with_links

PAGE = """# The `first` page

See [one](a.md), [two](b/c.md#part "title") and ![a picture](x.svg); `[no](code.md)` and [out](https://example.com).

```md
[no](fence.md)
## no heading
```

[three]: d.md
<img src="y.svg" alt="">

## What it's for, & [why](e.md)
## Twice
## Twice
<a id="named"></a>
"""


def test_links_are_those_that_stay_within_the_repository() -> None:
    found = {(link.line, link.target, link.fragment) for link in links(PAGE)}
    assert found == {
        (3, "a.md", ""),
        (3, "b/c.md", "part"),
        (3, "x.svg", ""),
        (10, "d.md", ""),
        (11, "y.svg", ""),
        (13, "e.md", ""),
    }


def test_headings_have_the_names_that_github_gives_them() -> None:
    assert anchors(PAGE) == {"the-first-page", "what-its-for--why", "twice", "twice-1", "named"}


def test_a_page_has_a_title() -> None:
    assert title(PAGE) == "The first page"


def test_code_in_sentences_is_found_and_code_in_blocks_is_not() -> None:
    assert [span.text for span in spans("a `b/c.py` d\n```\n`no`\n```\n``e `f` g``\n")] == ["b/c.py", "e `f` g"]


def test_a_changed_link_changes_nothing_else() -> None:
    changed = with_links(PAGE, lambda target: f"<{target}>")
    assert changed == (
        PAGE.replace("(a.md)", "(<a.md>)")
        .replace("(b/c.md#part ", "(<b/c.md#part> ")
        .replace("(x.svg)", "(<x.svg>)")
        .replace(": d.md", ": <d.md>")
        .replace('"y.svg"', '"<y.svg>"')
        .replace("(e.md)", "(<e.md>)")
    )


@pytest.mark.parametrize("text", ["", "no heading\n", "```\nopen", "`open\n", "[open](\n"])
def test_any_text_is_a_page(text: str) -> None:
    assert list(links(text)) == []
    assert with_links(text, str.upper) == text
