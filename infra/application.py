"""All stacks of a stage, as the entry point and the tests build them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.decisions import require_decisions
from infra.metrics import Accounts
from infra.stacks.analytics import AnalyticsStack
from infra.stacks.api import ApiStack
from infra.stacks.audit import AuditStack
from infra.stacks.data import DataStack
from infra.stacks.failures import FailuresStack
from infra.stacks.identity import IdentityStack
from infra.stacks.operations import OperationsStack
from infra.stages import Extent, Stage

_CDK_JSON = Path(__file__).parents[1] / "cdk.json"


def new_app(*, outdir: str | None = None, context: Mapping[str, Any] | None = None) -> cdk.App:
    """Return an app that any finding of AwsSolutions or Serverless fails.

    The feature flags of `cdk.json` are set here too, because only the CLI reads that file: the
    templates are the same with and without it.
    """
    flags = json.loads(_CDK_JSON.read_text(encoding="utf-8"))["context"]
    app = cdk.App(analytics_reporting=False, context={**flags, **(context or {})}, outdir=outdir)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return app


def add_stage(app: cdk.App, stage: Stage) -> None:
    """Add the stacks of `stage`; several stages may share an app.

    Raises:
        StageError: the stage lacks a setting that its deployer decides.
    """
    require_decisions(stage)
    data = DataStack(app, stage=stage)
    if stage.extent < Extent.SERVICE:
        return
    audit = AuditStack(app, stage=stage)
    identity = IdentityStack(app, stage=stage, tables=data.tables, audit=audit.trail)
    api = ApiStack(
        app,
        stage=stage,
        tables=data.tables,
        user_pool=identity.user_pool,
        client=identity.client,
        audit=audit.trail,
    )
    failures = FailuresStack(app, stage=stage)
    AnalyticsStack(
        app,
        stage=stage,
        tables=data.tables,
        audit=audit.trail,
        failed_batches=failures.bucket,
    )
    if stage.extent < Extent.OPERATED:
        return
    OperationsStack(
        app,
        stage=stage,
        address=api.address,
        accounts=Accounts(identity.user_pool.user_pool_id, identity.client.user_pool_client_id),
    )
