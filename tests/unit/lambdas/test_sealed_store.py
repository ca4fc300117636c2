"""The store is sealed: no code outside of it reads DynamoDB's JSON or the SDK's errors."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdas.shared.store import errors
from local.data_folder import ROOT

TYPE_NAMES = frozenset({"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"})
"""The keys by which DynamoDB's JSON gives the type of an attribute."""

STREAM_RECORDS = "lambdas/analytics/records.py"
"""Decodes Lambda's stream events, whose images are DynamoDB's JSON. No table is involved."""


def outside_of_the_store() -> Iterator[str]:
    for file in sorted((ROOT / "lambdas").rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if not path.startswith("lambdas/shared/store/") and path != STREAM_RECORDS:
            yield path


def typed_values(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that read or write an attribute by its type."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(slice=ast.Constant(value=str(key)), lineno=line):
                names = {key}
            case ast.Dict(keys=keys, lineno=line):
                names = {str(each.value) for each in keys if isinstance(each, ast.Constant)}
            case _:
                continue
        if names & TYPE_NAMES:
            yield line


@pytest.mark.parametrize("code", ['item["version"]["N"]', '{"S": "ada"}'])
def test_the_search_finds_typed_values(code: str) -> None:
    assert list(typed_values(ast.parse(code))) == [1]


@pytest.mark.parametrize("path", list(outside_of_the_store()))
def test_dynamodb_json_stays_in_the_store(path: str) -> None:
    lines = list(typed_values(ast.parse(Path(ROOT / path).read_text(encoding="utf-8"))))
    assert lines == [], f"{path} reads or writes DynamoDB's JSON in these lines"


def test_every_error_of_the_store_has_its_base() -> None:
    raised = [each for each in vars(errors).values() if isinstance(each, type)]
    assert all(
        issubclass(each, errors.StoreError) for each in raised if each.__module__ == errors.__name__
    )
