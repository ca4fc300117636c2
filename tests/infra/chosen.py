"""Stages by what they have, and one with all that nobody has to give."""

from dataclasses import replace

from infra.stages import STAGES, Extent

SERVICE_STAGES = [name for name, stage in STAGES.items() if stage.extent >= Extent.SERVICE]
OPERATED_STAGES = [name for name, stage in STAGES.items() if stage.extent >= Extent.OPERATED]

CUSTOM = replace(
    STAGES["staging"],
    name="custom",
    alarm_email="ada@example.com",
    domain_name="api.quiz.example.com",
    certificate_arn="arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d",
)
