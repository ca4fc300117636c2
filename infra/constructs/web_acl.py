"""Web ACLs: one before the API, one before the user pool."""

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.stages import BASE_PATH, Stage
from lambdas.contract.gateway_problems import RATE_LIMITED

_COMMON = "AWSManagedRulesCommonRuleSet"
_BAD_INPUTS = "AWSManagedRulesKnownBadInputsRuleSet"

_ONLY_COUNTED = {
    # A bank holds questions on HTML, URLs and paths, up to the contract's 256 KB. The functions
    # check bodies, and only ever store them as text.
    _COMMON: (
        "SizeRestrictions_BODY",
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
    ),
    # Blocked by their labels instead, except where administrators keep the bank: it may quote an
    # exploit.
    _BAD_INPUTS: ("JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"),
}
"""AWS's managed groups, and which of their rules only count."""

_ADMIN_PATH = f"/{BASE_PATH}/admin/"
"""Beginning of the path of every route that is for administrators alone, as WAF sees it."""

_RESPONSE_BODY = "rateLimited"
_SECRET_HEADERS = ("authorization", "cookie")


class WebAcl(Construct):
    """A web ACL that logs the requests it blocks, without their credentials and queries."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        name: str,
        rules: Sequence[waf.CfnWebACL.RuleProperty],
        bodies: dict[str, waf.CfnWebACL.CustomResponseBodyProperty] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._acl = waf.CfnWebACL(
            self,
            "Resource",
            name=name,
            description=f"Blocks attacks and floods on {name}",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(name),
            custom_response_bodies=bodies,
            rules=list(rules),
        )
        self._log_blocked_requests(stage, name)

    def protect(self, resource_arn: str) -> None:
        """Associate the web ACL with a resource."""
        waf.CfnWebACLAssociation(
            self, "Association", resource_arn=resource_arn, web_acl_arn=self._acl.attr_arn
        )

    def _log_blocked_requests(self, stage: Stage, name: str) -> None:
        log_group = logs.LogGroup(
            self,
            "Log",
            # WAF writes to groups of this prefix alone.
            log_group_name=f"aws-waf-logs-{name}",
            retention=stage.log_retention,
            removal_policy=stage.removal_policy,
        )
        blocked = {"Behavior": "KEEP", "Requirement": "MEETS_ANY"} | {
            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}]
        }
        configuration = waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self._acl.attr_arn,
            log_destination_configs=[
                cdk.Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=f"aws-waf-logs-{name}",
                    arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                )
            ],
            logging_filter={"DefaultBehavior": "DROP", "Filters": [blocked]},
            redacted_fields=[
                *(
                    waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                    for header in _SECRET_HEADERS
                ),
                waf.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
            ],
        )
        configuration.node.add_dependency(log_group)


def api_web_acl(scope: Construct, *, stage: Stage, rate: int) -> WebAcl:
    """Return the web ACL of the API; `rate` is in requests of one address in 5 minutes."""
    body = waf.CfnWebACL.CustomResponseBodyProperty(
        content_type="APPLICATION_JSON",
        # WAF fills nothing in, so this one problem has no request's id.
        content=json.dumps({**json.loads(RATE_LIMITED.template), "requestId": ""}),
    )
    headers = {
        "Retry-After": str(RATE_LIMITED.retry_after),
        "Access-Control-Allow-Origin": stage.cors_origin,
        "Access-Control-Expose-Headers": "Retry-After",
    }
    response = waf.CfnWebACL.CustomResponseProperty(
        response_code=RATE_LIMITED.status,
        custom_response_body_key=_RESPONSE_BODY,
        response_headers=[
            waf.CfnWebACL.CustomHTTPHeaderProperty(name=name, value=value)
            for name, value in headers.items()
        ],
    )
    return WebAcl(
        scope,
        "WebAcl",
        stage=stage,
        name=stage.prefix,
        bodies={_RESPONSE_BODY: body},
        rules=[
            _rate_rule(rate, waf.CfnWebACL.BlockActionProperty(custom_response=response)),
            *(
                _managed_rule(name, counted, priority)
                for priority, (name, counted) in enumerate(_ONLY_COUNTED.items(), start=1)
            ),
            _bad_input_rule(priority=1 + len(_ONLY_COUNTED)),
        ],
    )


def accounts_web_acl(scope: Construct, *, stage: Stage, rate: int) -> WebAcl:
    """Return the web ACL of the user pool; it covers all operations that need no credentials.

    A token of an SDK sign-in may delete its account at Cognito, which would leave the learner's
    data behind: only `DELETE /users/me` erases both.
    """
    return WebAcl(
        scope,
        "WebAcl",
        stage=stage,
        name=f"{stage.prefix}-accounts",
        rules=[
            _rate_rule(rate, waf.CfnWebACL.BlockActionProperty()),
            waf.CfnWebACL.RuleProperty(
                name="DeleteUser",
                priority=1,
                statement=_matches(
                    waf.CfnWebACL.FieldToMatchProperty(
                        single_header={"Name": "x-amzn-cognito-operation-name"}
                    ),
                    "EXACTLY",
                    "DeleteUser",
                ),
                action=waf.CfnWebACL.RuleActionProperty(block={}),
                visibility_config=_visibility("DeleteUser"),
            ),
        ],
    )


def _rate_rule(rate: int, block: waf.CfnWebACL.BlockActionProperty) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name="RatePerAddress",
        priority=0,
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=rate, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        action=waf.CfnWebACL.RuleActionProperty(block=block),
        visibility_config=_visibility("RatePerAddress"),
    )


def _managed_rule(name: str, counted: Sequence[str], priority: int) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    waf.CfnWebACL.RuleActionOverrideProperty(
                        name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
                    )
                    for rule in counted
                ],
            )
        ),
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        visibility_config=_visibility(name),
    )


def _bad_input_rule(priority: int) -> waf.CfnWebACL.RuleProperty:
    """Return the rule that blocks known bad inputs in bodies outside the administrators' paths."""
    labels = [
        f"awswaf:managed:aws:known-bad-inputs:{rule.removesuffix('_BODY')}_Body"
        for rule in _ONLY_COUNTED[_BAD_INPUTS]
    ]
    found = waf.CfnWebACL.OrStatementProperty(
        statements=[
            waf.CfnWebACL.StatementProperty(
                label_match_statement=waf.CfnWebACL.LabelMatchStatementProperty(
                    scope="LABEL", key=label
                )
            )
            for label in labels
        ]
    )
    at_administrators = _matches(
        waf.CfnWebACL.FieldToMatchProperty(uri_path={}), "STARTS_WITH", _ADMIN_PATH
    )
    return waf.CfnWebACL.RuleProperty(
        name="BadInputInBody",
        priority=priority,
        statement=waf.CfnWebACL.StatementProperty(
            and_statement=waf.CfnWebACL.AndStatementProperty(
                statements=[
                    waf.CfnWebACL.StatementProperty(or_statement=found),
                    waf.CfnWebACL.StatementProperty(
                        not_statement=waf.CfnWebACL.NotStatementProperty(
                            statement=at_administrators
                        )
                    ),
                ]
            )
        ),
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        visibility_config=_visibility("BadInputInBody"),
    )


def _matches(
    field: waf.CfnWebACL.FieldToMatchProperty, how: str, text: str
) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(
        byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=field,
            positional_constraint=how,
            search_string=text,
            text_transformations=[
                waf.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")
            ],
        )
    )


def _visibility(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    # A sample shows whole requests, their tokens with them.
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )
