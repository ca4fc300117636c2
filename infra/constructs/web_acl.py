"""A web ACL before the API."""

import json

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.stages import Stage
from lambdas.contract.gateway_problems import RATE_LIMITED

_MANAGED_RULES = {
    # Judged, but not refused, by body: a bank holds questions on HTML, URLs and paths, up to the
    # contract's 256 KB. Bodies are checked by the functions and only ever stored as text.
    "AWSManagedRulesCommonRuleSet": (
        "SizeRestrictions_BODY",
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
    ),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
}
"""AWS's groups, and which of their rules only count."""

_BODY = "rateLimited"


class WebAcl(wafv2.CfnWebACL):
    """Refuses addresses that flood, common attacks and known bad inputs; lets all else pass."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, rate: int) -> None:
        """`rate` is in requests of one address in 5 minutes."""
        super().__init__(
            scope,
            construct_id,
            name=stage.prefix,
            description=f"Before the API of {stage.prefix}",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(stage.prefix),
            custom_response_bodies={
                _BODY: wafv2.CfnWebACL.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON",
                    # WAF fills nothing in, so this one problem has no request's id.
                    content=json.dumps({**json.loads(RATE_LIMITED.template), "requestId": ""}),
                )
            },
            rules=[
                _rate_rule(rate, stage.cors_origin),
                *(
                    _managed_rule(name, counting, priority)
                    for priority, (name, counting) in enumerate(_MANAGED_RULES.items(), start=1)
                ),
            ],
        )

    def protect(self, resource_arn: str) -> None:
        """Stand before a resource."""
        wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn=resource_arn, web_acl_arn=self.attr_arn
        )


def _rate_rule(rate: int, cors_origin: str) -> wafv2.CfnWebACL.RuleProperty:
    headers = {
        "Retry-After": str(RATE_LIMITED.retry_after),
        "Access-Control-Allow-Origin": cors_origin,
        "Access-Control-Expose-Headers": "Retry-After",
    }
    return wafv2.CfnWebACL.RuleProperty(
        name="RatePerAddress",
        priority=0,
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                limit=rate, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        action=wafv2.CfnWebACL.RuleActionProperty(
            block=wafv2.CfnWebACL.BlockActionProperty(
                custom_response=wafv2.CfnWebACL.CustomResponseProperty(
                    response_code=RATE_LIMITED.status,
                    custom_response_body_key=_BODY,
                    response_headers=[
                        wafv2.CfnWebACL.CustomHTTPHeaderProperty(name=name, value=value)
                        for name, value in headers.items()
                    ],
                )
            )
        ),
        visibility_config=_visibility("RatePerAddress"),
    )


def _managed_rule(
    name: str, counting: tuple[str, ...], priority: int
) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
                    )
                    for rule in counting
                ],
            )
        ),
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        visibility_config=_visibility(name),
    )


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    # A sample shows whole requests, their tokens with them.
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )
