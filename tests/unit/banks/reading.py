"""Short ways to read a bank in tests."""

from banks.question import Item, Question
from banks.reading import read_bytes


def read(content: str | bytes, name: str = "bank") -> list[Item]:
    return list(read_bytes(content.encode() if isinstance(content, str) else content, name))


def only(content: str | bytes, name: str = "bank") -> Item:
    (item,) = read(content, name)
    return item


def question(content: str | bytes, name: str = "bank") -> Question:
    item = only(content, name)
    assert item.question, item.message
    return item.question


def refusal(content: str | bytes, name: str = "bank") -> tuple[str, str]:
    item = only(content, name)
    assert item.question is None
    return str(item.reason), item.message


def key(question: Question) -> list[tuple[str, bool]]:
    return [(answer.text, answer.correct) for answer in question.answers]


def messages(items: list[Item]) -> dict[str, str]:
    return {str(item.place): item.message for item in items if item.question is None}


def texts(items: list[Item]) -> dict[str, str]:
    return {str(item.place): item.question.text for item in items if item.question}
