"""A laptop stage's data as an earlier release left it: read from a file, loaded into a folder."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import boto3

from lambdas.shared.store.client import Item
from local.data_folder import DataFolder
from local.database.engine import Engine, find_binary
from local.database.schema import create_tables
from local.database.tables import TableDefinition
from tests.laptop.learner import AnswerKey, Learner, asked

FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class RecordedSession:
    """A session of the recording.

    Attributes:
        name: Label of the session.
        user: Its learner.
        session_id: Its id.
        body: The last response with its question.
        books: State of the learner's books, `Learner`'s fields.
    """

    name: str
    user: str
    session_id: str
    body: Mapping[str, Any]
    books: Mapping[str, Any]

    def learner(self, key: AnswerKey, errors: float) -> Learner:
        """Return the learner who plays on."""
        books = self.books
        return Learner(
            key=key,
            errors=errors,
            random=Random(self.name),
            questions=books["questions"],
            missed=set(books["missed"]),
            pool=dict(books["pool"]),
            put_right=set(books["putRight"]),
            mastered=set(books["mastered"]),
            right=books["right"],
            wrong=books["wrong"],
        )


@dataclass(frozen=True)
class RecordedData:
    """All of a recording.

    Attributes:
        release: The release that wrote it.
        at: When it was recorded, in milliseconds.
        tables: The tables' definitions of that release.
        items: Their items, by the tables' names.
        sessions: The sessions played.
        totals: Each learner's totals at the end.
        import_id: An import with one part that is not published yet.
    """

    release: str
    at: int
    tables: Sequence[TableDefinition]
    items: Mapping[str, Sequence[Item]]
    sessions: Sequence[RecordedSession]
    totals: Mapping[str, Mapping[str, Any]]
    import_id: str

    @classmethod
    def read(cls, path: Path) -> "RecordedData":
        """Read a recording."""
        recorded = json.loads(path.read_text(encoding="utf-8"), object_hook=_bytes)
        return cls(
            release=recorded["release"],
            at=recorded["at"],
            tables=[TableDefinition(**each) for each in recorded["tables"]],
            items=recorded["items"],
            sessions=[RecordedSession(**each) for each in recorded["sessions"]],
            totals=recorded["totals"],
            import_id=recorded["importId"],
        )

    @property
    def answer_key(self) -> AnswerKey:
        """The right choices of all questions."""
        key = {}
        for item in (item for items in self.items.values() for item in items):
            if "choices" in item:
                choices = [each["M"] for each in item["choices"]["L"]]
                texts = [each["text"]["S"] for each in choices]
                right = {each["text"]["S"] for each in choices if each["correct"]["BOOL"]}
                key[asked(item["text"]["S"], texts)] = frozenset(right)
        return key

    def load(self, folder: DataFolder) -> None:
        """Write the data into an empty folder, with the tables of its release."""
        with Engine(folder, find_binary()) as engine:
            client = client_of(engine.endpoint)
            create_tables(client, self.tables)
            for table, items in self.items.items():
                for item in items:
                    client.put_item(TableName=table, Item=item)


def client_of(endpoint: str) -> Any:
    """Return a client of an engine."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # pragma: allowlist secret
    )


def written(recorded: Mapping[str, Any]) -> str:
    """Return the text of a recording, an item on each line."""
    lines = [
        f"{json.dumps(name)}: {_lines(value) if isinstance(value, list) else _text(value)}"
        for name, value in recorded.items()
        if name != "items"
    ]
    items = ",\n".join(
        f"{json.dumps(name)}: {_lines(each)}" for name, each in recorded["items"].items()
    )
    return "{\n" + ",\n".join([*lines, f'"items": {{\n{items}\n}}']) + "\n}\n"


def _lines(values: Sequence[Any]) -> str:
    return "[\n" + ",\n".join(map(_text, values)) + "\n]"


def _text(value: Any) -> str:
    return json.dumps(value, default=_base64, ensure_ascii=False, sort_keys=True)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value of DynamoDB's JSON, binary ones decoded."""
    if value.keys() == {"B"}:
        return {"B": base64.b64decode(value["B"])}
    return value
