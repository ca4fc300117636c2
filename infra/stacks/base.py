"""Base class of the stacks."""

import aws_cdk as cdk
from constructs import Construct

from infra.stages import Stage


class StageStack(cdk.Stack):
    """A stack whose name and tags carry its stage; its policy protects one with state."""

    def __init__(
        self, scope: Construct, kind: str, *, stage: Stage, purpose: str, stateful: bool = False
    ) -> None:
        super().__init__(
            scope,
            f"{stage.prefix}-{kind}",
            description=f"{purpose} ({stage.name})",
            termination_protection=stateful and stage.protected,
            synthesizer=None if stage.deploy_roles else cdk.CliCredentialsStackSynthesizer(),
        )
        for key, value in stage.tags.items():
            cdk.Tags.of(self).add(key, value)
