"""Text that anybody may have written stands in a comment and does nothing there."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from stacks.markdown import code, codes, fenced, folded, link, pair, prose, shortened, size, visible

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NASTY = (
    st.text(alphabet=st.sampled_from("`|\\<>[]()!*_~#@:&$-+=\n\t\"'/ a1\u202e\u200b\x00é漢😀"), max_size=40) | st.text()
)
REFERENCE = re.compile(r"(?<![\w`])@[A-Za-z0-9]|#\d|GH-\d|https?://|www\.", re.IGNORECASE)


def tokens(text: str) -> list[str]:
    """Kinds of all parts of the text, as a reader of Markdown sees it."""
    return [child.type for token in PARSER.parse(text) for child in [token, *(token.children or [])]]


def texts(text: str) -> str:
    """What is neither code nor HTML: where GitHub looks for mentions and references."""
    parts = [child.content for token in PARSER.parse(text) for child in token.children or [] if child.type == "text"]
    return "".join(parts)


@given(NASTY)
def test_a_code_span_in_a_cell_stays_one_cell_with_one_code(text: str) -> None:
    """Two cells, each with one piece of code and nothing else; the text can be read in it."""
    table = f"| a | b |\n|---|---|\n| {code(text)} | {code(text)} |\n"
    kinds = tokens(table)
    assert kinds.count("td_open") == 2
    assert kinds.count("code_inline") == 2
    assert not {"html_inline", "html_block", "link_open", "image", "em_open", "strong_open"} & set(kinds)
    assert kinds.count("tr_open") == 2


@given(NASTY)
def test_a_sentence_is_text_and_nothing_else(text: str) -> None:
    """Inside of a list item: no markup, no HTML, no link, and nothing that GitHub would make one of."""
    kinds = tokens(f"- it says: {prose(text)}.\n")
    assert set(kinds) <= {"bullet_list_open", "list_item_open", "paragraph_open", "inline", "text", "text_special"} | {
        "paragraph_close",
        "list_item_close",
        "bullet_list_close",
    }
    assert not REFERENCE.search(texts(f"- it says: {prose(text)}.\n"))


@pytest.mark.parametrize("text", ["see @team", "fixes #12", "GH-7", "https://x.test/a", "www.x.test", "a@b.test"])
def test_what_github_would_link_is_broken_up(text: str) -> None:
    """A mention pings people, a reference writes into another issue."""
    assert not REFERENCE.search(texts(f"- {prose(text)}\n"))


@given(st.lists(NASTY, max_size=5))
def test_no_line_ends_a_block_of_code(lines: list[str]) -> None:
    """The page is the block and the paragraph behind it."""
    page = "\n".join([*fenced([visible(line) for line in lines]), "", "behind"])
    assert [kind for kind in tokens(page) if kind != "inline"] == [
        "fence",
        "paragraph_open",
        "text",
        "paragraph_close",
    ]


@given(NASTY)
def test_nothing_hides_or_turns_text(text: str) -> None:
    """Controls, zero-width and bidirectional characters, lone surrogates: written out, on one line."""
    shown = visible(text)
    assert shown.isprintable() or not set(shown) - set(visible(shown))
    assert "\n" not in shown
    assert "\u202e" not in shown
    assert size(shown) > 0 or not text


@given(st.text(min_size=1), st.text(min_size=1), st.integers(60, 200))
def test_two_values_are_cut_where_they_agree(one: str, other: str, width: int) -> None:
    """Two that differ never look the same, and each stays near the width."""
    before, after = pair(f"{'s' * 500}{one}{'e' * 500}", f"{'s' * 500}{other}{'e' * 500}", width)
    assert max(len(before), len(after)) < width + 120
    if one != other and max(len(one), len(other)) <= width // 4:
        assert before != after


def test_short_values_stay_whole_and_what_is_left_out_is_counted() -> None:
    """The count is exact."""
    assert pair("a", "b", 10) == ("a", "b")
    cut = shortened("x" * 1000, 30)
    assert cut.count("x") == 30
    assert "(970 left out)" in cut
    assert shortened("x" * 1000, None) == "x" * 1000


def test_a_list_names_as_many_as_have_room() -> None:
    """At least one; the rest is counted."""
    names = [f"name-{number}" for number in range(1000)]
    assert codes(names[:2]) == "`name-0`, `name-1`"
    assert codes(names, 1) == "`name-0` and 999 more"
    assert size(codes(names, 200)) < 220
    assert codes(names).count("`") == 2000


def test_a_fold_and_a_link_take_nothing_but_text() -> None:
    """A summary has no markup; an address ends where it ends."""
    assert "<summary>a?b?script?</summary>" in folded("a<b>script>", [])[0]
    assert link("here", "https://x.test/)>[a](b\n") == "[here](<https://x.test/)[a](bn>)"
