"""A function's rights on the accounts of the user pool."""

from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.function import Function
from infra.permissions import ACCOUNT_ACTIONS


class AccountRights(Construct):
    """A policy of its own: in the role's, a trigger would need its pool, which needs the trigger.

    CloudFormation makes the function first, the pool that calls it then, and this last.
    """

    def __init__(self, folder: str, function: Function, user_pool: cognito.IUserPool) -> None:
        super().__init__(function, "Accounts")
        actions = [f"cognito-idp:{action}" for action in ACCOUNT_ACTIONS[folder]]
        iam.Policy(
            self,
            "Policy",
            roles=[function.role],
            statements=[iam.PolicyStatement(actions=actions, resources=[user_pool.user_pool_arn])],
        )
