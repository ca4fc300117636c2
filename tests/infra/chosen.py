"""The stages that tests synthesize: those of the project, as a deployer would complete them."""

from dataclasses import replace

from infra.decisions import EXAMPLES, stage_of_context
from infra.stages import STAGES, Extent

CHOSEN = {
    name: stage_of_context({"stage": name, **(EXAMPLES if stage.production else {})}.get)
    for name, stage in STAGES.items()
}
SERVICE_STAGES = [name for name, stage in CHOSEN.items() if stage.extent >= Extent.SERVICE]
OPERATED_STAGES = [name for name, stage in CHOSEN.items() if stage.extent >= Extent.OPERATED]

CUSTOM = replace(
    CHOSEN["staging"],
    name="custom",
    cors_origin="https://quiz.example.com",
    alarm_email="ada@example.com",
    mail_sender="quiz@example.com",
    domain_name="api.quiz.example.com",
    certificate_arn="arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d",
    sign_in_prefix="quiz-example",
    sign_in_callback="https://quiz.example.com/signed-in",
    dynamodb_endpoint="https://dynamodb.eu-west-1.amazonaws.com",
    circuit_breaker=False,
    admin_mfa=False,
)
"""A stage with every setting that a deployer may give."""
