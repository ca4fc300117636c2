"""The HTTP API: the route table as gateway methods, and the functions behind them.

Functions and gateway are one stack: each names the other, and in two stacks that is a circle.
"""

from collections.abc import Mapping
from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.asset import function_code
from infra.constructs.account_rights import AccountRights
from infra.constructs.audit_trail import AuditTrail
from infra.constructs.function import BY_GATEWAY, Function
from infra.constructs.gateway import Gateway
from infra.constructs.table import Table
from infra.findings import acknowledge
from infra.permissions import ACCOUNT_ACTIONS, PERMISSIONS, TableName
from infra.stacks.base import StageStack
from infra.stages import PLAYED, Stage
from lambdas.contract.route import Access, Route
from lambdas.contract.routes import FUNCTIONS, ROUTES
from lambdas.contract.timeouts import timeout_of

_ERASES = "privacy"
"""The function that erases accounts."""

_TOKEN_VERDICT = cdk.Duration.minutes(5)
"""How long the gateway may keep its verdict on a token."""

_SWEEP = cdk.Duration.hours(1)
"""How often it looks for erasures that were begun and not completed."""


class ApiStack(StageStack):
    """The gateway and the functions behind it; holds no state.

    Attributes:
        address: Base address of the API.
    """

    address: str

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        tables: Mapping[TableName, Table],
        user_pool: cognito.UserPool,
        client: cognito.UserPoolClient,
        audit: AuditTrail,
    ) -> None:
        super().__init__(scope, "api", stage=stage, purpose="API of the quiz")
        code = function_code(platform=stage.asset_platform)
        functions = {
            folder: Function(
                self,
                folder,
                stage=stage,
                code=code,
                grants=PERMISSIONS[folder],
                tables=tables,
                audit=audit,
                calls=replace(
                    BY_GATEWAY,
                    seconds=timeout_of(folder),
                    warm=stage.provisioned_concurrency if folder in PLAYED else None,
                ),
            )
            for folder in FUNCTIONS
        }
        for function in functions.values():
            # The authorizer takes tokens of any client of the pool; the functions do not.
            function.function.add_environment("CLIENT_ID", client.user_pool_client_id)
        for folder in filter(ACCOUNT_ACTIONS.__contains__, FUNCTIONS):
            AccountRights(folder, functions[folder], user_pool)
            functions[folder].function.add_environment("USER_POOL_ID", user_pool.user_pool_id)
            functions[folder].function.add_environment("ADMIN_MFA", str(stage.admin_mfa).lower())
        self._schedule_erasures(stage, functions[_ERASES])
        gateway = Gateway(self, "Gateway", stage=stage, routes=ROUTES)
        authorizer = apigateway.CognitoUserPoolsAuthorizer(
            self,
            "Authorizer",
            cognito_user_pools=[user_pool],
            # Whether the gateway keeps its verdict on a token past the token's end is not
            # documented: the functions check `exp` themselves.
            results_cache_ttl=_TOKEN_VERDICT,
        )
        integrations = {
            # One permission for each function, for any method of this API.
            folder: apigateway.LambdaIntegration(function.live, scope_permission_to_method=False)
            for folder, function in functions.items()
        }
        for route in ROUTES:
            _add_route(gateway, route, integrations[route.function], authorizer)
        gateway.add_fallbacks()

        self.address = gateway.address
        cdk.CfnOutput(self, "ApiUrl", value=gateway.address, description="Base address of the API")
        cdk.CfnOutput(self, "Region", value=self.region, description="Region of all of it")

    def _schedule_erasures(self, stage: Stage, function: Function) -> None:
        """Call a function on a schedule to complete erasures, as nobody may ask again."""
        rule = events.Rule(
            self,
            "Erasures",
            rule_name=stage.named("erasures"),
            description="Completes erasures of accounts that were begun and not completed",
            schedule=events.Schedule.rate(_SWEEP),
            targets=[targets.LambdaFunction(function.live)],
        )
        acknowledge(
            rule,
            {
                "Serverless-EventBusDLQ": "A call that is lost is made up for by the next one, an "
                "hour later: the function looks for itself what there is to complete."
            },
        )


def _add_route(
    gateway: Gateway,
    route: Route,
    integration: apigateway.Integration,
    authorizer: apigateway.IAuthorizer,
) -> None:
    resource = gateway.root.resource_for_path(route.path)
    # No validator goes with a model: the functions report all faults of a body, not the first.
    models = {"application/json": gateway.published_model(route.body)} if route.body else None
    if route.access is Access.PUBLIC:
        public = f"The contract makes it public: {route.summary.lower()}."
        for verb, name in ((route.method, route.operation), ("HEAD", None)):
            method = resource.add_method(
                verb,
                integration,
                operation_name=name,
                authorization_type=apigateway.AuthorizationType.NONE,
            )
            acknowledge(method, {"AwsSolutions-APIG4": public, "AwsSolutions-COG4": public})
        return
    resource.add_method(
        route.method,
        integration,
        operation_name=route.operation,
        request_models=models,
        authorizer=authorizer,
        authorization_type=apigateway.AuthorizationType.COGNITO,
        # One of them is enough.
        authorization_scopes=list(route.scopes),
    )
