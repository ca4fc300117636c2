"""Markup of other formats becomes Markdown that shows the same."""

import pytest

from banks.markdown import (
    MAX_MARKUP,
    Markup,
    escape_markdown,
    explanation_to_markdown,
    looks_like_html,
    to_markdown,
)
from banks.question import RefusedError


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two", "one  \ntwo"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<b>x</b> <i>y</i> <code>a_b*</code>", "**x** *y* `a_b*`"),
        ("<pre>if a &lt; b:\n    c_d_()</pre>", "```\nif a < b:\n    c_d_()\n```"),
        ("H<sub>2</sub>O, x<sup>n+1</sup>", "H₂O, xⁿ⁺¹"),
        ("x<sub>max;q</sub><sup></sup>", "x<sub>max;q</sub>"),
        (
            "<p>\\( r_1 * r_2 \\) and $a_b$ and $$c*d*e$$</p>",
            "\\( r_1 * r_2 \\) and $a_b$ and $$c*d*e$$",
        ),
        (
            "<p>\\[ x_1 \\] \\begin{cases}a_1\\end{cases}</p>",
            "\\[ x_1 \\] \\begin{cases}a_1\\end{cases}",
        ),
        ("&eacute;&nbsp;&lt;b&gt; &amp;amp;", "é \\<b> \\&amp;"),
        ("<p>*a* _b_ c_d [x](y)</p>", "\\*a\\* \\_b\\_ c_d \\[x](y)"),
        (
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "| a | b |\n| --- | --- |\n| 1 | 2 |",
        ),
        ("<a href='https://e.org'>x</a> <a href='javascript:y'>z</a>", "[x](https://e.org) z"),
        ("<script>alert(1)</script><style>p{}</style>x", "x"),
        ("<h2>Title</h2>text", "## Title\n\ntext"),
    ],
)
def test_html(html: str, markdown: str) -> None:
    assert to_markdown(html, Markup.HTML) == markdown


@pytest.mark.parametrize(
    ("plain", "markdown"),
    [
        ("What is __init__?", "What is \\_\\_init\\_\\_?"),
        ("snake_case, a * b, ____ and [x]", "snake_case, a * b, ____ and [x]"),
        ("It costs $5 or $6*", "It costs $5 or $6\\*"),
        ("<html> a < b", "\\<html> a < b"),
        ("# not a title\n> not a quote\n#tag", "\\# not a title\n\\> not a quote\n#tag"),
        ("`code` \\* C:\\dir", "\\`code\\` \\\\\\* C:\\dir"),
        ("1. When?\n- a", "1. When?\n- a"),
        ("&lt;", "\\&lt;"),
    ],
)
def test_plain_text(plain: str, markdown: str) -> None:
    assert to_markdown(plain, Markup.PLAIN) == markdown


@pytest.mark.parametrize(
    ("text", "markup", "markdown"),
    [
        ("<p>*a*</p>", Markup.CELL, "\\*a\\*"),
        ("*a* <html>", Markup.CELL, "*a* <html>"),
        ("a<br/>b", Markup.MOODLE, "a  \nb"),
        ("<body> &eacute; *", Markup.MOODLE, "\\<body> é \\*"),
        (" *a* ", Markup.MARKDOWN, "*a*"),
        ("&eacute;", Markup.HTML, "é"),
    ],
)
def test_texts_of_two_kinds(text: str, markup: Markup, markdown: str) -> None:
    assert to_markdown(text, markup) == markdown


@pytest.mark.parametrize(
    ("text", "is_html"),
    [
        ("<b>x</b>", True),
        ("a<br>", True),
        ("<img src=x>", True),
        ("<html>", False),
        ("At the end of the <body>", False),
        ("a < b > c", False),
        ("</b><b>", False),
        ("<x>y</x>", False),
        ("<p" * 100_000, False),
    ],
)
def test_html_is_recognized_by_its_elements(text: str, is_html: bool) -> None:
    assert looks_like_html(text) is is_html


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("<img src=x>", Markup.HTML),
        ("<SVG/>", Markup.HTML),
        ("<p>x</p><audio></audio>", Markup.MOODLE),
        ("<a href='@@PLUGINFILE@@/x.pdf'>x</a>", Markup.HTML),
        ("![x](y.png)", Markup.MARKDOWN),
    ],
)
def test_media_are_refused_in_questions_and_left_out_of_explanations(
    text: str, markup: Markup
) -> None:
    with pytest.raises(RefusedError, match="describe it in words or LaTeX"):
        to_markdown(text, markup)
    notices: list[str] = []
    assert "![" not in explanation_to_markdown(text, markup, notices)
    assert len(notices) == 1


@pytest.mark.parametrize("text", ["x" * (MAX_MARKUP + 1), "<b>" * 2_001, "<b>" * 1_500])
def test_what_is_too_large_or_deep_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        to_markdown(text, Markup.HTML)


@pytest.mark.parametrize(
    "text", ["\\(" * 30_000, "$" * 60_000, "[" * 60_000, "_*" * 30_000, "$a" * 30_000]
)
def test_repeated_openings_are_escaped_in_little_work(text: str) -> None:
    assert len(escape_markdown(text)) >= len(text)
