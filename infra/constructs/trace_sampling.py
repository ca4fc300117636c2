"""How many of the API's requests X-Ray records."""

from aws_cdk import aws_xray as xray
from constructs import Construct

from infra.stages import BASE_PATH, Stage

_PRIORITY = 1_000
"""Before X-Ray's own rule, which comes last and takes one request a second: while few learn, that
is nearly all of them."""


class TraceSampling(Construct):
    """A share of the API's requests, and no reservoir, so that traces cost a share of the rest."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        xray.CfnSamplingRule(
            self,
            "Rule",
            sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
                rule_name=stage.prefix,
                priority=_PRIORITY,
                fixed_rate=stage.traced_share,
                reservoir_size=0,
                # As API Gateway names itself:
                # https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
                service_name=f"{stage.prefix}/{BASE_PATH}",
                service_type="AWS::ApiGateway::Stage",
                resource_arn="*",
                host="*",
                http_method="*",
                url_path="*",
                version=1,
            ),
        )
