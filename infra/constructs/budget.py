"""A budget."""

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.stages import Stage

_WARN_AT = (80, 100)
"""Percent of the budget spent."""


class Budget(budgets.CfnBudget):
    """Budget of the stage for a month, with a message when the cost comes near.

    It counts what carries the stage's tag, once the account has activated `stage` as a cost
    allocation tag: an account's affair, done once in Billing.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, topic: sns.ITopic
    ) -> None:
        told = budgets.CfnBudget.SubscriberProperty(
            subscription_type="SNS", address=topic.topic_arn
        )
        super().__init__(
            scope,
            construct_id,
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=stage.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=stage.monthly_budget, unit="USD"
                ),
                cost_filters={"TagKeyValue": [f"user:stage${stage.name}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type="ACTUAL",
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[told],
                )
                for percent in _WARN_AT
            ],
        )
