"""Questions as Hypothesis draws them: whatever the bank may hold."""

from typing import Any

from hypothesis import strategies as st

from banks.checks import checked, visible
from banks.question import Answer, Question

_CHARACTERS = st.characters(
    exclude_categories=("Cs", "Cc"), include_characters="\n\t", exclude_characters="\ufffe\uffff"
)
_PIECES = st.sampled_from(
    [
        *(
            "{",
            "}",
            "~",
            "=",
            "#",
            ":",
            "\\",
            "\n",
            "%50%",
            "[html]",
            "//",
            "<b>x</b>",
            "$CATEGORY:",
        ),
        *("####", "::", "\n\n", "&amp;", "]]>", '"', ";", ",", "->", "{T}", "*", "_", "@@", "\\n"),
    ]
)
_NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=48)


def prose(most: int) -> st.SearchStrategy[str]:
    """Texts with something to see, rich in what formats take as their own."""
    pieces = st.lists(st.one_of(_PIECES, st.text(_CHARACTERS, max_size=8)), min_size=1, max_size=4)
    return pieces.map("".join).filter(lambda text: bool(visible(text)) and len(text) < most)


def _one_line(most: int) -> st.SearchStrategy[str]:
    excluded = "\n\t\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffd\ufffe"
    characters = st.characters(
        exclude_categories=("Cs", "Cc"), exclude_characters=excluded + "\uffff"
    )
    drawn = st.text(characters, min_size=1, max_size=most)
    return st.one_of(drawn, st.sampled_from(["a;b", "[x]", "a\\", "\\]", '["a"]', "7.0"])).filter(
        lambda text: bool(text.strip())
    )


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Draw a question that the bank takes."""
    texts = draw(st.lists(prose(60), min_size=2, max_size=5, unique_by=visible))
    multiple = draw(st.booleans())
    right: Any = st.sets(st.integers(0, len(texts) - 1), min_size=1, max_size=len(texts) - 1)
    chosen = draw(right) if multiple else {draw(st.integers(0, len(texts) - 1))}
    return checked(
        Question(
            text=draw(prose(200)),
            answers=tuple(
                Answer(text, place in chosen, draw(st.booleans()))
                for place, text in enumerate(texts)
            ),
            multiple=multiple,
            category=draw(st.none() | _NAMES),
            explanation=draw(st.just("") | prose(200)),
            language=draw(st.none() | st.sampled_from(["en", "pt-BR"])),
            difficulty=draw(st.none() | st.integers(1, 5)),
            tags=tuple(draw(st.lists(_one_line(20), max_size=3))),
            external_id=draw(st.none() | _one_line(20)),
        )
    )
