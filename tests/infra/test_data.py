import json
from pathlib import Path
from typing import Any

import pytest

from infra.permissions import BY_CATEGORY, UNFINISHED_ERASURES
from lambdas.shared.store import questions, users
from local.database.tables import read_tables, table_definitions
from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import CHOSEN

TABLE = "AWS::DynamoDB::Table"


def table(template: Template, name: str) -> Properties:
    (found,) = (
        properties
        for properties in template.resources(TABLE).values()
        if properties["TableName"].endswith(f"-{name}")
    )
    return found


def key(*names: str) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=False)
    ]


@pytest.mark.parametrize("stage", CHOSEN)
def test_a_stage_has_five_tables_with_names_of_its_own(assembly: Assembly, stage: str) -> None:
    tables = assembly.template(f"quiz-{stage}-data").resources(TABLE)
    assert {properties["TableName"] for properties in tables.values()} == {
        f"quiz-{stage}-users",
        f"quiz-{stage}-questions",
        f"quiz-{stage}-sessions",
        f"quiz-{stage}-progress",
        f"quiz-{stage}-wrong-answers",
    }


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("users", ("userId",)),
        ("questions", ("questionId",)),
        ("sessions", ("userId", "sessionId")),
        ("progress", ("userId", "questionId")),
        ("wrong-answers", ("userId", "timestamp")),
    ],
)
def test_learner_data_is_keyed_by_the_learner(
    data: Template, name: str, keys: tuple[str, ...]
) -> None:
    properties = table(data, name)
    types = {a["AttributeName"]: a["AttributeType"] for a in properties["AttributeDefinitions"]}
    assert properties["KeySchema"] == key(*keys)
    assert {types[name] for name in keys} == {"S"}


def test_questions_are_listed_by_category_and_categories_by_name(data: Template) -> None:
    properties = table(data, "questions")
    assert properties["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "byCategory",
            "KeySchema": key("category", "ordinal"),
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "byName",
            "KeySchema": key("listed", "category"),
            "Projection": {
                "NonKeyAttributes": ["title", "description", "language", "size", "active"],
                "ProjectionType": "INCLUDE",
            },
        },
    ]
    assert {"AttributeName": "category", "AttributeType": "S"} in properties["AttributeDefinitions"]
    assert {"AttributeName": "ordinal", "AttributeType": "N"} in properties["AttributeDefinitions"]


def test_erasures_that_are_not_complete_are_found_without_a_scan(data: Template) -> None:
    properties = table(data, "users")
    assert properties["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "unfinishedErasures",
            "KeySchema": key("erasing", "erasedAt"),
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]


def test_the_functions_ask_for_the_indexes_by_their_names() -> None:
    assert questions.BY_CATEGORY == BY_CATEGORY == "byCategory"
    assert users.UNFINISHED_ERASURES == UNFINISHED_ERASURES == "unfinishedErasures"


def with_property(template: Template, name: str) -> dict[str, Any]:
    return {
        properties["TableName"].split("-", 2)[2]: properties[name]
        for properties in template.resources(TABLE).values()
        if name in properties
    }


def test_only_sessions_and_imports_expire(data: Template) -> None:
    assert with_property(data, "TimeToLiveSpecification") == {
        "questions": {"AttributeName": "ttl", "Enabled": True},
        "sessions": {"AttributeName": "ttl", "Enabled": True},
    }


def test_only_progress_is_streamed_and_shows_what_changed(data: Template) -> None:
    assert with_property(data, "StreamSpecification") == {
        "progress": {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    }


def test_tables_bill_by_request_and_are_encrypted(data: Template) -> None:
    for properties in data.resources(TABLE).values():
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert "ProvisionedThroughput" not in properties
        assert properties["SSESpecification"] == {"SSEEnabled": True}


@pytest.mark.parametrize(
    ("stage", "recovery", "protected", "policy"),
    [
        ("dev", False, False, "Delete"),
        ("staging", True, False, "Delete"),
        ("prod", True, True, "RetainExceptOnCreate"),
        ("local", False, False, "Delete"),
        ("rehearsal", False, False, "Delete"),
    ],
)
def test_tables_of_prod_cannot_be_lost(
    assembly: Assembly, stage: str, recovery: bool, protected: bool, policy: str
) -> None:
    template = assembly.template(f"quiz-{stage}-data")
    for logical_id, properties in template.resources(TABLE).items():
        resource = template.body["Resources"][logical_id]
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": recovery
        }
        assert properties["DeletionProtectionEnabled"] is protected
        assert resource["DeletionPolicy"] == policy
        assert resource["UpdateReplacePolicy"] == policy.removesuffix("ExceptOnCreate")


def test_the_data_stack_holds_nothing_but_tables(data: Template) -> None:
    assert {resource["Type"] for resource in data.body["Resources"].values()} == {TABLE}


def test_the_laptop_creates_the_tables_of_the_template(assembly: Assembly, tmp_path: Path) -> None:
    template = tmp_path / "data.template.json"
    template.write_text(json.dumps(assembly.template("quiz-local-data").body))
    assert table_definitions() == read_tables(tmp_path), "stale: run make tables"
