"""Moves the alias `live` of each function back, or frees it of stale routing weights."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.permissions import PERMISSIONS
from local.errors import CommandError
from ops.deploy.outputs import Outputs

LIVE = "live"


def roll_back(stage: str, client: Any = None) -> Iterator[str]:
    """Point each alias at the newest version with other code than now; yield a line for each.

    All functions ship the same code, so a deployment of code publishes a version of each. All
    versions are looked up before the first alias moves.

    Raises:
        CommandError: a function has no version before, or AWS refuses.
    """
    client = client or boto3.client("lambda", region_name=Outputs.read(stage).region)
    try:
        targets = {name: _version_before(client, name) for name in _functions(stage)}
        for name, (now, before) in targets.items():
            client.update_alias(
                FunctionName=name,
                Name=LIVE,
                FunctionVersion=before,
                RoutingConfig={"AdditionalVersionWeights": {}},
            )
            yield f"{name}: {now} -> {before}"
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"Stage {stage} cannot be rolled back: {error}") from None


def clear_weights(stage: str, client: Any = None) -> Iterator[str]:
    """Remove routing weights that a failed deployment left; yield the functions' names.

    When a new version fails to initialize on an alias with provisioned concurrency, its weight
    stays, and every later deployment fails.

    Raises:
        CommandError: AWS refuses.
    """
    client = client or boto3.client("lambda")
    for name in _functions(stage):
        try:
            alias = client.get_alias(FunctionName=name, Name=LIVE)
            if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
                client.update_alias(
                    FunctionName=name,
                    Name=LIVE,
                    RoutingConfig={"AdditionalVersionWeights": {}},
                )
                yield name
        except client.exceptions.ResourceNotFoundException:
            continue  # not deployed yet
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"The alias of {name} cannot be read: {error}") from None


def _functions(stage: str) -> list[str]:
    return [f"quiz-{stage}-{folder}" for folder in PERMISSIONS]


def _version_before(client: Any, name: str) -> tuple[str, str]:
    """Return the version that is live, and the newest one before it with other code."""
    live = client.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"]
    versions = {
        int(each["Version"]): each["CodeSha256"]
        for page in client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        for each in page["Versions"]
        if each["Version"].isdigit()
    }
    code = versions[int(live)]
    before = [number for number, other in versions.items() if number < int(live) and other != code]
    if not before:
        raise CommandError(f"Function {name} has no version before {live}: nothing was moved.")
    return live, str(max(before))
