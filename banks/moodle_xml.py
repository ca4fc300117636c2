"""Reads Moodle XML, question by question, with a parser that refuses entities."""

from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder  # nosec B405 - defusedxml parses
from xml.sax import SAXException  # nosec B406 - only the exception; defusedxml parses
from xml.sax.handler import ContentHandler  # nosec B406

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from banks.categories import category_name
from banks.found import Found
from banks.grading import Text, Weighted, explanation_of, graded
from banks.markdown import Markup, to_markdown
from banks.question import (
    MULTIPLE,
    SINGLE,
    TRUE_FALSE,
    Answer,
    Item,
    Place,
    Question,
    Reason,
    RefusedError,
)

MAX_DEPTH = 50
MAX_CHARACTERS = 1024 * 1024
"""Characters of one question, without the files in it."""

_CHUNK = 64 * 1024
_MARKUP = {
    "html": Markup.HTML,
    "markdown": Markup.MARKDOWN,
    "plain_text": Markup.PLAIN,
    "moodle_auto_format": Markup.MOODLE,
}
_REFUSED = {
    "essay": Reason.ESSAY,
    "essayautograde": Reason.ESSAY,
    "shortanswer": Reason.SHORT_ANSWER,
    "numerical": Reason.NUMERICAL,
    "calculated": Reason.NUMERICAL,
    "calculatedsimple": Reason.NUMERICAL,
    "matching": Reason.MATCHING,
    "match": Reason.MATCHING,
    "randomsamatch": Reason.MATCHING,
    "cloze": Reason.CLOZE,
    "multianswer": Reason.CLOZE,
    "description": Reason.DESCRIPTION,
    "ddwtos": Reason.DRAG_AND_DROP,
    "ddimageortext": Reason.DRAG_AND_DROP,
    "ddmarker": Reason.DRAG_AND_DROP,
    "gapselect": Reason.DRAG_AND_DROP,
    "order": Reason.ORDER,
    "ordering": Reason.ORDER,
}


class _BrokenError(Exception):
    """The document cannot be read any further; the message is a clause."""


class _Handler(ContentHandler):
    """Collects whole question elements."""

    def __init__(self) -> None:
        super().__init__()
        self.ready: list[tuple[int, Element | None]] = []
        self._locator: Any = None
        self._path: list[str] = []
        self._builder: TreeBuilder | None = None
        self._base = 0
        self._line = 0
        self._size = 0

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802 - SAX's name
        self._locator = locator

    @property
    def line(self) -> int:
        """Where the parser is."""
        return int(self._locator.getLineNumber() or 1) if self._locator else 1

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - SAX's name
        if len(self._path) >= MAX_DEPTH:
            raise _BrokenError(f"elements are nested more than {MAX_DEPTH} deep")
        self._path.append(name)
        if name == "question" and self._builder is None:
            self._builder, self._line, self._size = TreeBuilder(), self.line, 0
            self._base = len(self._path)
        if self._builder:
            self._builder.start(name, dict(attrs.items()))

    def characters(self, content: str) -> None:
        if not self._builder or "file" in self._path[self._base :]:
            return
        self._size += len(content)
        if self._size <= MAX_CHARACTERS:
            self._builder.data(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        closes = self._builder and len(self._path) == self._base
        self._path.pop()
        if not self._builder:
            return
        self._builder.end(name)
        if closes:
            element = self._builder.close() if self._size <= MAX_CHARACTERS else None
            self.ready.append((self._line, element))
            self._builder = None


def read_moodle_xml(file: BinaryIO) -> Iterator[Item]:
    """Return the questions of a Moodle XML file."""
    handler = _Handler()
    parser = make_parser()
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)
    category = ""
    while True:
        chunk = file.read(_CHUNK)
        broken = _feed(parser, chunk)
        for line, element in handler.ready:
            if element is not None and element.get("type") == "category":
                category = _content(element.find("category"))
            else:
                yield _item(line, element, category)
        handler.ready.clear()
        if broken:
            yield _unreadable(handler.line, broken)
        if broken or not chunk:
            return


def _feed(parser: Any, chunk: bytes) -> str:
    """Give the parser a piece of the file; return why it cannot be read, or an empty string."""
    try:
        if chunk:
            parser.feed(chunk)
        else:
            parser.close()
    except _BrokenError as error:
        return str(error)
    except DefusedXmlException:
        return "it defines or uses entities, which are refused for safety: save it without them"
    except SAXException as error:
        return f"its XML is broken ({error.getMessage()})"
    except (ValueError, LookupError) as error:
        return f"its encoding cannot be read ({str(error)[:80]})"
    return ""


def _unreadable(line: int, problem: str) -> Item:
    def build(_: Found) -> Question:
        raise RefusedError(Reason.MALFORMED, f"{problem}: nothing after this line can be read")

    return Found(Place(line)).resolve(build)


def _item(line: int, element: Element | None, category: str) -> Item:
    found = Found(Place(line))
    if element is None:

        def build(_: Found) -> Question:
            raise RefusedError(
                Reason.TOO_LONG, f"the question has more than {MAX_CHARACTERS:,} characters"
            )

        return found.resolve(build)
    name = " ".join(_content(element.find("name")).split())[:60]
    found.place = Place(line, name=name)
    reader = _Reader(element, category, found)
    return found.resolve(lambda _: reader.question())


class _Reader:
    """Turns one element into a question."""

    def __init__(self, element: Element, category: str, found: Found) -> None:
        self._element = element
        self._category = category
        self._found = found
        self._markup = _markup(element.find("questiontext"), Markup.MOODLE)

    def question(self) -> Question:
        """Return the question."""
        found, element = self._found, self._element
        found.type = (element.get("type") or "").strip().lower()
        stem = self._text("questiontext")
        found.text = stem.content
        if found.type == "multichoice":
            multiple = self._flag("single") is False
            found.type = MULTIPLE if multiple else SINGLE
        elif found.type == TRUE_FALSE:
            multiple = False
        else:
            raise _refusal(found.type)
        choices = self._choices()
        answers = graded(choices, multiple=multiple, found=found)
        if found.type == TRUE_FALSE:
            answers = tuple(Answer(_capital(a.text), a.correct, pinned=True) for a in answers)
        return Question(
            text=to_markdown(stem.content, stem.markup),
            answers=answers,
            multiple=multiple,
            category=category_name(self._category, found.notices) if self._category else None,
            explanation=explanation_of(self._text("generalfeedback"), choices, found),
            language=_content(element.find("language")) or None,
            difficulty=self._difficulty(),
            tags=tuple(_content(tag) for tag in element.findall("tags/tag")),
            external_id=_own_text(element.find("idnumber")) or None,
        )

    def _choices(self) -> list[Weighted]:
        fixed = self._flag("shuffleanswers") is False
        pinned = _own_text(self._element.find("pinned")).split()
        choices = []
        for number, answer in enumerate(self._element.findall("answer"), 1):
            feedback = answer.find("feedback")
            choices.append(
                Weighted(
                    Text(_content(answer), _markup(answer, self._markup)),
                    _fraction(answer.get("fraction"), number),
                    Text(_content(feedback), _markup(feedback, self._markup)),
                    pinned=fixed or str(number) in pinned,
                )
            )
        return choices

    def _text(self, name: str) -> Text:
        element = self._element.find(name)
        return Text(_content(element), _markup(element, self._markup))

    def _flag(self, name: str) -> bool | None:
        given = _own_text(self._element.find(name)).lower()
        return None if not given else given not in ("0", "false", "no")

    def _difficulty(self) -> int | None:
        given = _own_text(self._element.find("difficulty"))
        return int(given) if given in ("1", "2", "3", "4", "5") else None


def _refusal(kind: str) -> RefusedError:
    reason = _REFUSED.get(kind, Reason.TYPE)
    return RefusedError(
        reason,
        f"questions of type '{kind[:40]}' cannot be imported: only multichoice and truefalse can",
    )


def _content(element: Element | None) -> str:
    """Return the text of an element that holds it in `<text>`, or by itself."""
    if element is None:
        return ""
    inner = element.find("text")
    return _own_text(element if inner is None else inner)


def _own_text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _markup(element: Element | None, default: Markup) -> Markup:
    given = element.get("format", "") if element is not None else ""
    return _MARKUP.get(given.strip().lower(), default)


def _fraction(given: str | None, number: int) -> float:
    try:
        return float((given or "0").strip())
    except ValueError:
        raise RefusedError(
            Reason.VALUE, f"answer {number}: fraction '{(given or '')[:20]}' is not a number"
        ) from None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
