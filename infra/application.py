"""All stacks of a stage, as the entry point and the tests build them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.identity import IdentityStack
from infra.stages import SERVICE, Stage

_CDK_JSON = Path(__file__).parents[1] / "cdk.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStacks:
    """The stacks of one stage."""

    data: DataStack
    identity: IdentityStack
    api: ApiStack


def new_app(*, outdir: str | None = None, context: Mapping[str, Any] | None = None) -> cdk.App:
    """Return an app that any finding of AwsSolutions fails.

    The feature flags of `cdk.json` are set here too, because only the CLI reads that file: the
    templates are the same with and without it.
    """
    flags = json.loads(_CDK_JSON.read_text(encoding="utf-8"))["context"]
    app = cdk.App(analytics_reporting=False, context={**flags, **(context or {})}, outdir=outdir)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def add_stage(app: cdk.App, stage: Stage) -> StageStacks:
    """Add every stack of `stage`; several stages may share an app."""
    data = DataStack(app, f"{stage.prefix}-data", stage=stage)
    identity = IdentityStack(app, f"{stage.prefix}-identity", stage=stage)
    api = ApiStack(
        app,
        f"{stage.prefix}-api",
        stage=stage,
        tables=data.tables,
        user_pool=identity.user_pool,
    )
    for stack in (data, identity, api):
        cdk.Tags.of(stack).add("service", SERVICE)
        cdk.Tags.of(stack).add("stage", stage.name)
    return StageStacks(data=data, identity=identity, api=api)
