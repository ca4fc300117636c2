"""Aliases moved back together, and freed of weights that a failed deployment left."""

from typing import Any

import pytest

from infra.permissions import PERMISSIONS
from local.errors import CommandError
from ops.deploy.aliases import clear_weights, roll_back
from tests.unit.ops.stubs import stubbed

FUNCTIONS = [f"quiz-prod-{folder}" for folder in PERMISSIONS]
NO_WEIGHTS: dict[str, Any] = {"AdditionalVersionWeights": {}}


def alias(version: str, **weights: float) -> dict[str, Any]:
    routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
    return {"Name": "live", "FunctionVersion": version, **routing}


def versions(*codes: str) -> dict[str, Any]:
    """`$LATEST`, then versions from 1 on with these codes."""
    latest = {"Version": "$LATEST", "CodeSha256": codes[-1]}
    numbered = [{"Version": str(n), "CodeSha256": code} for n, code in enumerate(codes, 1)]
    return {"Versions": [latest, *numbered]}


def test_every_alias_goes_back_to_the_newest_version_with_other_code() -> None:
    """A version that only its configuration made has the same code, and is passed over."""
    with stubbed("lambda") as (client, stub):
        for name in FUNCTIONS:
            key = {"FunctionName": name}
            stub.add_response("get_alias", alias("4"), {**key, "Name": "live"})
            stub.add_response("list_versions_by_function", versions("a", "b", "c", "c"), key)
        for name in FUNCTIONS:
            stub.add_response(
                "update_alias",
                alias("2"),
                {
                    "FunctionName": name,
                    "Name": "live",
                    "FunctionVersion": "2",
                    "RoutingConfig": NO_WEIGHTS,
                },
            )
        assert list(roll_back("prod", client)) == [f"{name}: 4 -> 2" for name in FUNCTIONS]


def test_nothing_moves_where_one_function_has_no_version_before() -> None:
    with stubbed("lambda") as (client, stub):
        stub.add_response("get_alias", alias("1"))
        stub.add_response("list_versions_by_function", versions("a"))
        with pytest.raises(CommandError, match="has no version before 1: nothing was moved"):
            list(roll_back("prod", client))


def test_a_refusal_is_one_sentence() -> None:
    with stubbed("lambda") as (client, stub):
        stub.add_client_error("get_alias", "AccessDeniedException")
        with pytest.raises(CommandError, match=r"^Stage prod cannot be rolled back: "):
            list(roll_back("prod", client))


def test_weights_that_were_left_are_removed_and_nothing_else_is_touched() -> None:
    stuck = FUNCTIONS[3]
    with stubbed("lambda") as (client, stub):
        for name in FUNCTIONS:
            key = {"FunctionName": name, "Name": "live"}
            if name == FUNCTIONS[0]:
                stub.add_client_error("get_alias", "ResourceNotFoundException")
            elif name == stuck:
                stub.add_response("get_alias", alias("4", **{"5": 0.1}), key)
                request = {**key, "RoutingConfig": NO_WEIGHTS}
                stub.add_response("update_alias", alias("4"), request)
            else:
                stub.add_response("get_alias", alias("4"), key)
        assert list(clear_weights("prod", client)) == [stuck]
