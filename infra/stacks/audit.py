"""Who did what: kept apart from what it is about, and from whoever writes it."""

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.audit_trail import AuditTrail
from infra.stacks.base import StageStack
from infra.stages import Stage


class AuditStack(StageStack):
    """Deployed before the functions, whose logs it follows."""

    trail: AuditTrail

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "audit", stage=stage, purpose="Audit of the quiz", stateful=True)
        self.trail = AuditTrail(self, "Trail", stage=stage)
        cdk.CfnOutput(
            self,
            "AuditBucket",
            value=self.trail.bucket.bucket_name,
            description="Bucket of the audit records",
        )
