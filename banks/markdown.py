"""Turns the markup of other formats into the Markdown of the bank.

LaTeX is left alone. Sub- and superscripts become Unicode characters where these exist, `<sub>` and
`<sup>` elsewhere. Characters that Markdown would take as its own are escaped.
"""

import html
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from markdownify import ATX, MarkdownConverter

from banks.question import Reason, RefusedError

MAX_MARKUP = 64 * 1024
"""Characters of one text; the bank takes 4,000, and markup may be several times its content."""

MAX_TAGS = 2_000
_MAX_LATEX = 1_000


class Markup(Enum):
    """How a text is written.

    Attributes:
        HTML: HTML.
        MARKDOWN: Markdown, kept as it is.
        PLAIN: Plain text.
        MOODLE: Moodle's auto-format: HTML if it has elements, else plain text with entities.
        CELL: A table's cell: HTML if it has elements, else Markdown.
    """

    HTML = "html"
    MARKDOWN = "markdown"
    PLAIN = "plain"
    MOODLE = "moodle"
    CELL = "cell"


_ELEMENTS = frozenset(
    [
        "a",
        "abbr",
        "address",
        "article",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "caption",
        "center",
        "cite",
        "code",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "i",
        "ins",
        "kbd",
        "li",
        "mark",
        "math",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "video",
        "audio",
        "object",
        "iframe",
    ]
)
_VOID = frozenset(("br", "hr", "img", "embed"))
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)(?=[\s/>])[^<>]*>")
_MEDIA = re.compile(
    r"<(?:img|svg|math|video|audio|object|embed|iframe|canvas|applet)(?=[\s/>])|@@PLUGINFILE@@",
    re.IGNORECASE,
)
_MARKDOWN_IMAGE = re.compile(r"!\[[^\]\n]{0,500}\]\(")
_LATEX = re.compile(
    rf"\$\$.{{1,{_MAX_LATEX}}}?\$\$"
    rf"|\$(?=\S)[^$\n]{{1,{_MAX_LATEX}}}?(?<=\S)\$(?!\d)"
    rf"|\\\(.{{1,{_MAX_LATEX}}}?\\\)"
    rf"|\\\[.{{1,{_MAX_LATEX}}}?\\\]"
    rf"|\\begin\{{(?P<env>\w{{1,20}}\*?)\}}.{{1,{_MAX_LATEX}}}?\\end\{{(?P=env)\}}",
    re.DOTALL,
)
_SPECIAL = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])"
    r"|`"
    r"|(?<![\s*])\*+|\*+(?![\s*])"
    r"|(?P<underscores>_+)"
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?[A-Za-z0-9]{1,32};)"
    r"|^#{1,6}(?=[ \t]|$)|^>"
    r"|!?\[(?=[^\[\]]{0,200}\]\()",
    re.MULTILINE,
)
_SUBSCRIPTS = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SUPERSCRIPTS = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyz",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
)


def to_markdown(text: str, markup: Markup) -> str:
    """Return a text as Markdown.

    Raises:
        RefusedError: It needs an image or another medium, or is too large.
    """
    kind = _kind(text, markup)
    if needs_media(text, kind):
        raise RefusedError(
            Reason.MEDIA,
            "it needs an image, sound, video or MathML, which the bank cannot hold: describe it in "
            "words or LaTeX",
        )
    return _converted(text, kind)


def explanation_to_markdown(text: str, markup: Markup, notices: list[str]) -> str:
    """Return an explanation as Markdown; images are left out of it, and reported."""
    kind = _kind(text, markup)
    if needs_media(text, kind):
        notices.append("an image or another medium in the explanation is left out")
        text = _MARKDOWN_IMAGE.sub("[", text) if kind is Markup.MARKDOWN else text
    return _converted(text, kind)


def needs_media(text: str, markup: Markup) -> bool:
    """Whether a text shows an image or another medium."""
    if markup is Markup.HTML:
        return bool(_MEDIA.search(text))
    return markup is Markup.MARKDOWN and bool(_MARKDOWN_IMAGE.search(text) or "@@PLUG" in text)


def looks_like_html(text: str) -> bool:
    """Whether a text has an HTML element: one that is closed, or a line break, rule or image."""
    opened: set[str] = set()
    for closing, name in _tags(text):
        if name in _VOID or (closing and name in opened):
            return True
        if name in _ELEMENTS and not closing:
            opened.add(name)
    return False


def escape_markdown(text: str) -> str:
    """Return plain text so that Markdown shows it as it is; LaTeX is left alone."""
    parts: list[str] = []
    end = 0
    for found in _LATEX.finditer(text):
        parts += (_escaped(text[end : found.start()]), found[0])
        end = found.end()
    return "".join((*parts, _escaped(text[end:])))


def _kind(text: str, markup: Markup) -> Markup:
    """Return the markup of a text that may be of two kinds."""
    if len(text) > MAX_MARKUP:
        raise RefusedError(
            Reason.TOO_LONG,
            f"a text has {len(text):,} characters with its markup: {MAX_MARKUP:,} at most",
        )
    if markup not in (Markup.MOODLE, Markup.CELL):
        return markup
    if looks_like_html(text):
        return Markup.HTML
    return Markup.MARKDOWN if markup is Markup.CELL else Markup.MOODLE


def _converted(text: str, kind: Markup) -> str:
    match kind:
        case Markup.HTML:
            return _from_html(text)
        case Markup.MARKDOWN | Markup.CELL:
            return text.strip()
        case Markup.PLAIN:
            return escape_markdown(text.strip())
        case Markup.MOODLE:
            return escape_markdown(html.unescape(text).replace("\xa0", " ").strip())


def _tags(text: str) -> Iterator[tuple[bool, str]]:
    return ((bool(found[1]), found[2].lower()) for found in _TAG.finditer(text))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    if found["underscores"]:
        before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
        within_word = before.isalnum() and after.isalnum()
        if within_word or (not before.strip() and not after.strip()):
            return found[0]
    if found[0][0] in "#>":
        return f"\\{found[0]}"
    return "".join(f"\\{character}" for character in found[0])


def _from_html(text: str) -> str:
    if "<" not in text:
        return escape_markdown(html.unescape(text).replace("\xa0", " ").strip())
    if text.count("<") > MAX_TAGS:
        raise RefusedError(
            Reason.TOO_LONG, f"a text has more than {MAX_TAGS:,} HTML tags: simplify it"
        )
    try:
        markdown = _Converter(heading_style=ATX, bullets="-").convert(text)
    except (RecursionError, AssertionError) as error:
        raise RefusedError(
            Reason.MALFORMED, "its HTML is nested too deeply or broken: simplify it"
        ) from error
    markdown = markdown.replace("\xa0", " ").strip()
    return re.sub(r"\n{3,}", "\n\n", markdown)


class _Converter(MarkdownConverter):
    """HTML to Markdown, as the bank wants it."""

    def escape(self, text: str, parent_tags: Any) -> str:
        """Escape a piece of text; the base class escapes LaTeX, too."""
        del parent_tags
        return escape_markdown(text) if text else ""

    def convert_sub(self, el: Any, text: str, parent_tags: Any) -> str:
        """Write a subscript."""
        del el, parent_tags
        return _script(text, "sub", _SUBSCRIPTS)

    def convert_sup(self, el: Any, text: str, parent_tags: Any) -> str:
        """Write a superscript."""
        del el, parent_tags
        return _script(text, "sup", _SUPERSCRIPTS)

    def convert_a(self, el: Any, text: str, parent_tags: Any) -> str:
        """Write a link; only web and mail addresses are kept."""
        address = str(el.get("href") or "").strip().lower()
        if not address.startswith(("http://", "https://", "mailto:")):
            return text
        return str(super().convert_a(el, text, parent_tags))  # type: ignore[misc]

    def convert_img(self, el: Any, text: str, parent_tags: Any) -> str:
        """Leave an image out."""
        del el, text, parent_tags
        return ""

    convert_svg = convert_math = convert_video = convert_audio = convert_img
    convert_object = convert_iframe = convert_canvas = convert_img


def _script(text: str, tag: str, characters: dict[int, int]) -> str:
    content = text.strip()
    if content and all(ord(character) in characters for character in content):
        return content.translate(characters)
    return f"<{tag}>{content}</{tag}>" if content else ""
