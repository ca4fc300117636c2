from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk.aws_cognito import Mfa
from aws_cdk.aws_s3 import ObjectLockMode

from infra.packaging.platforms import THIS_MACHINE
from infra.stage_names import NAMES
from infra.stages import (
    STAGES,
    AuditRetention,
    Extent,
    ImpossibleStageError,
    ProvisionedConcurrency,
)

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d"
CALLBACK = "https://quiz.example.com/signed-in"
WARM = ProvisionedConcurrency(minimum=1, maximum=60, utilization=0.7)


def test_a_stage_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        STAGES["prod"].waf = False  # type: ignore[misc]


def test_the_names_checked_early_are_those_of_the_stages() -> None:
    assert tuple(STAGES) == NAMES


def test_only_prod_is_production() -> None:
    assert [stage.name for stage in STAGES.values() if stage.production] == ["prod"]


def test_the_rehearsal_can_be_destroyed_and_asks_for_nothing_the_local_cloud_refuses() -> None:
    stage = STAGES["rehearsal"]
    assert stage.extent is Extent.SERVICE
    assert stage.asset_platform is THIS_MACHINE
    assert stage.removal_policy is RemovalPolicy.DESTROY
    assert not stage.waf
    assert not stage.deletion_protection
    assert not stage.deploy_roles
    assert not stage.tls_only
    assert stage.provisioned_concurrency is None


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"table_recovery": False}, "production without table recovery"),
        ({"deletion_protection": False}, "production without deletion protection"),
        (
            {"removal_policy": RemovalPolicy.DESTROY},
            "production that is destroyed with its stack; an audit nobody can delete in what is to",
        ),
        ({"asset_platform": THIS_MACHINE}, "production that is not all of it on AWS"),
        ({"tls_only": False}, "production reached without TLS"),
        ({"pages": False}, "production that nobody watches"),
        ({"performance_monitoring": False}, "production that nobody watches"),
        ({"admin_mfa": False}, "production whose administrators need no second factor"),
        ({"extent": Extent.SERVICE}, "production that is not all of it on AWS"),
        (
            {"audit": AuditRetention(days=400, lock=ObjectLockMode.GOVERNANCE)},
            "production whose audit somebody can delete",
        ),
        (
            {"audit": AuditRetention(days=0, lock=ObjectLockMode.COMPLIANCE)},
            "audit records are kept for less than a day",
        ),
        ({"authenticator_app": False}, "a second factor is required and there is none"),
        ({"mfa": Mfa.OFF}, "a second factor is offered and switched off"),
        (
            {"provisioned_concurrency": WARM},
            "provisioned concurrency of 60 is above the 30 reserved",
        ),
        (
            {"provisioned_concurrency": replace(WARM, minimum=0, maximum=1)},
            "provisioned concurrency needs 0 < minimum <= maximum",
        ),
        (
            {"provisioned_concurrency": replace(WARM, maximum=2, utilization=1.0)},
            "the target utilization is not between 0.1 and 0.9",
        ),
        ({"waf_rate": None}, "WAF and a WAF rate go together"),
        ({"waf": False}, "WAF and a WAF rate go together"),
        ({"waf_rate": 9}, "a WAF rate is 10 to 2,000,000,000"),
        ({"traced_share": 1.1}, "a share of traced requests is 0 to 1"),
        ({"monthly_budget": 0}, "the monthly budget is not above 0"),
        ({"monthly_budget": -1}, "the monthly budget is not above 0"),
        ({"throttle_scale": 0.0}, "the throttle scale is not above 0"),
        (
            {"reserved_concurrency": {"quiz": 0}, "provisioned_concurrency": None},
            "a reserved concurrency of 0 or less would stop the function",
        ),
        (
            {"reserved_concurrency": {"quiz": 60, "answer": 60, "users": 1}},
            "more than 100 environments are reserved in all",
        ),
        ({"domain_name": "quiz.example.com"}, "a domain name and its certificate go together"),
        ({"certificate_arn": CERTIFICATE}, "a domain name and its certificate go together"),
        (
            {"domain_name": "https://quiz.example.com", "certificate_arn": CERTIFICATE},
            "'https://quiz.example.com' is not a domain name",
        ),
        (
            {"domain_name": "quiz.example.com", "certificate_arn": "arn:aws:iam::1:x"},
            "'arn:aws:iam::1:x' is not the ARN of an ACM certificate",
        ),
        ({"sign_in_prefix": "quiz-example"}, "a sign-in page and the address it returns to go"),
        ({"sign_in_callback": CALLBACK}, "a sign-in page and the address it returns to go"),
        (
            {"sign_in_prefix": "my-cognito", "sign_in_callback": CALLBACK},
            "'my-cognito' is not a prefix of a sign-in page",
        ),
        (
            {"sign_in_prefix": "Quiz.", "sign_in_callback": CALLBACK},
            "'Quiz.' is not a prefix of a sign-in page",
        ),
        (
            {"sign_in_prefix": "quiz", "sign_in_callback": "http://quiz.example.com/"},
            "'http://quiz.example.com/' is not an address to return to",
        ),
        ({"cors_origin": "quiz.example.com"}, "'quiz.example.com' is not an origin"),
        ({"cors_origin": "https://quiz.example.com/"}, "'https://quiz.example.com/' is not an ori"),
        ({"cors_origin": "https://a.com'; x"}, '"https://a.com\'; x" is not an origin'),
        ({"alarm_email": "ada"}, "'ada' is not an e-mail address"),
        ({"mail_sender": "ada"}, "'ada' is not an e-mail address"),
        ({"dynamodb_endpoint": "dynamodb"}, "'dynamodb' is not the address of an endpoint"),
        ({"dynamodb_endpoint": "http://10.0.0.1:80"}, "production reached without TLS"),
        ({"name": "prod-2"}, "the name is not 2 to 16 lower-case letters and digits"),
        ({"log_level": "info"}, "log level 'info' is none of DEBUG, INFO, WARNING, ERROR"),
        ({"owner": ""}, "owner and cost centre have to be named"),
        ({"cost_centre": ""}, "owner and cost centre have to be named"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ImpossibleStageError) as refused:
        replace(STAGES["prod"], **changes)
    name = changes.get("name", "prod")
    assert str(refused.value).startswith(f"Stage {name!r} is impossible: {fault}")


def test_all_faults_are_told_together_in_one_sentence() -> None:
    with pytest.raises(ImpossibleStageError) as refused:
        replace(STAGES["prod"], table_recovery=False, waf_rate=None, monthly_budget=0)
    assert str(refused.value) == (
        "Stage 'prod' is impossible: the monthly budget is not above 0; "
        "production without table recovery; WAF and a WAF rate go together."
    )
