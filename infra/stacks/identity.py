"""Who may call: the user pool, its groups, scopes and public client."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.asset import function_code
from infra.constructs.account_rights import AccountRights
from infra.constructs.audit_trail import AuditTrail
from infra.constructs.function import Calls, Function
from infra.constructs.table import Table
from infra.constructs.web_acl import accounts_web_acl
from infra.findings import acknowledge
from infra.permissions import PERMISSIONS, TableName
from infra.stacks.base import StageStack
from infra.stages import Stage
from lambdas.contract.route import LEARN_SCOPE, MANAGE_SCOPE, RESOURCE_SERVER
from lambdas.contract.timeouts import timeout_of
from lambdas.shared.http.identity import ADMIN_GROUP, LEARNER_GROUP

_SIGN_UP = "signup"
"""The function that the pool calls when a sign-up is confirmed."""

_SENDER = "Quiz"
"""Name that messages come from."""

_BY_USER_POOL = Calls(
    seconds=timeout_of(_SIGN_UP),
    no_dead_letters="Its user pool alone calls it, and waits: what it could not do is done by the "
    "first change of the profile, or not missed. A queue would take asynchronous calls only.",
)


class IdentityStack(StageStack):
    """Learners sign up and in with their email address, over SRP: no password is ever sent."""

    user_pool: cognito.UserPool
    client: cognito.UserPoolClient

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        tables: Mapping[TableName, Table],
        audit: AuditTrail,
    ) -> None:
        super().__init__(scope, "identity", stage=stage, purpose="Users of the quiz", stateful=True)
        self.user_pool = cognito.UserPool(
            self,
            "UserPool",
            user_pool_name=stage.prefix,
            self_sign_up_enabled=True,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            keep_original=cognito.KeepOriginalAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=cdk.Duration.days(1),
            ),
            email=self._sender(stage),
            mfa=stage.mfa,
            # A text message costs money and can be intercepted; an authenticator app does not.
            mfa_second_factor=cognito.MfaSecondFactor(otp=stage.authenticator_app, sms=False),
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            deletion_protection=stage.protected,
            removal_policy=stage.removal_policy,
        )
        self._acknowledge_findings(stage)
        if stage.waf_rate is not None:
            web_acl = accounts_web_acl(self, stage=stage, rate=stage.waf_rate)
            web_acl.protect(self.user_pool.user_pool_arn)
        sign_up = Function(
            self,
            _SIGN_UP,
            stage=stage,
            code=function_code(platform=stage.asset_platform),
            grants=PERMISSIONS[_SIGN_UP],
            tables=tables,
            audit=audit,
            calls=_BY_USER_POOL,
        )
        self.user_pool.add_trigger(cognito.UserPoolOperation.POST_CONFIRMATION, sign_up.live)
        AccountRights(_SIGN_UP, sign_up, self.user_pool)
        self.user_pool.add_group(
            "Admins", group_name=ADMIN_GROUP, description="Keep the bank; read any learner's record"
        )
        self.user_pool.add_group(
            "Learners", group_name=LEARNER_GROUP, description="Practise; every user may"
        )
        # For clients that come over OAuth; an SDK sign-in never carries these scopes.
        scopes = [
            cognito.ResourceServerScope(
                scope_name=LEARN_SCOPE, scope_description="Practise and read one's record"
            ),
            cognito.ResourceServerScope(scope_name=MANAGE_SCOPE, scope_description="Keep the bank"),
        ]
        server = self.user_pool.add_resource_server(
            "Api", identifier=RESOURCE_SERVER, scopes=scopes
        )
        page = self._sign_in_page(stage, server, scopes)
        self.client = self.user_pool.add_client(
            "WebClient",
            user_pool_client_name=f"{stage.prefix}-web",
            generate_secret=False,
            auth_flows=cognito.AuthFlow(user_srp=True),
            disable_o_auth=page is None,
            o_auth=page,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            # The gateway does not know of revocation: a revoked token lives until it expires.
            access_token_validity=cdk.Duration.minutes(15),
            id_token_validity=cdk.Duration.minutes(15),
            refresh_token_validity=cdk.Duration.days(30),
        )
        cdk.CfnOutput(
            self,
            "UserPoolId",
            value=self.user_pool.user_pool_id,
            description="User pool to sign in to",
        )
        cdk.CfnOutput(
            self,
            "UserPoolClientId",
            value=self.client.user_pool_client_id,
            description="Client to sign in as",
        )

    def _sign_in_page(
        self,
        stage: Stage,
        server: cognito.UserPoolResourceServer,
        scopes: Sequence[cognito.ResourceServerScope],
    ) -> cognito.OAuthSettings | None:
        """Give the pool a page to sign in at, and return what the client may do there."""
        if stage.sign_in_prefix is None or stage.sign_in_callback is None:
            return None
        page = self.user_pool.add_domain(
            "SignInPage",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=stage.sign_in_prefix),
        )
        cdk.CfnOutput(
            self, "SignInPageUrl", value=page.base_url(), description="Page to sign in at"
        )
        return cognito.OAuthSettings(
            flows=cognito.OAuthFlows(authorization_code_grant=True),
            scopes=[cognito.OAuthScope.resource_server(server, each) for each in scopes],
            callback_urls=[stage.sign_in_callback],
            logout_urls=[stage.sign_in_callback],
        )

    def _sender(self, stage: Stage) -> cognito.UserPoolEmail | None:
        """Send from the stage's own address; Cognito's sender is for trying things out."""
        if stage.mail_sender is None:
            return None
        return cognito.UserPoolEmail.with_ses(
            from_email=stage.mail_sender,
            from_name=_SENDER,
            ses_region=self.region,
            ses_verified_domain=stage.mail_sender.rpartition("@")[2],
        )

    def _acknowledge_findings(self, stage: Stage) -> None:
        reasons = {
            "AwsSolutions-COG8": "The Plus plan costs $0.02 for each user a month, more than all "
            "the rest of the system together. SRP, the password policy, an authenticator app and "
            "Cognito's own limits on attempts protect a learner's practice record well enough."
        }
        if stage.mfa is not cognito.Mfa.REQUIRED:
            reasons["AwsSolutions-COG2"] = (
                "Learners may choose a second factor. Administrators need one: the functions check "
                "it, with each use of their rights."
            )
        acknowledge(self.user_pool, reasons)
