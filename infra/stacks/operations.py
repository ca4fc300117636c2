"""Monitoring of the stage: alarms and their topics, a dashboard, queries, a budget."""

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.alarm_topic import AlarmKey, AlarmTopic
from infra.constructs.alarms import Alarms
from infra.constructs.budget import Budget
from infra.constructs.dashboard import Dashboard
from infra.constructs.saved_query import SavedQuery
from infra.constructs.synthetic import Synthetic
from infra.constructs.trace_sampling import TraceSampling
from infra.metrics import Accounts
from infra.queries import QUERIES
from infra.stacks.base import StageStack
from infra.stages import Stage


class OperationsStack(StageStack):
    """Watches the other stacks, none of which knows of it."""

    def __init__(self, scope: Construct, *, stage: Stage, accounts: Accounts, address: str) -> None:
        super().__init__(scope, "operations", stage=stage, purpose="Alarms of the quiz")
        key = AlarmKey(self, "TopicKey", stage=stage)
        tickets = AlarmTopic(self, "tickets", stage=stage, key=key)
        pages = AlarmTopic(self, "pages", stage=stage, key=key) if stage.pages else tickets
        alarms = Alarms(
            self, "Alarms", stage=stage, pages=pages, tickets=tickets, accounts=accounts
        )
        Synthetic(self, "Monitor", stage=stage, address=address)
        Dashboard(self, "Dashboard", stage=stage, alarms=alarms.all)
        for query in QUERIES:
            SavedQuery(self, stage=stage, query=query)
        Budget(self, "Budget", stage=stage, topic=tickets)
        TraceSampling(self, "TraceSampling", stage=stage)
        cdk.CfnOutput(
            self, "PagesTopicArn", value=pages.topic_arn, description="Topic of what wakes somebody"
        )
        cdk.CfnOutput(
            self,
            "TicketsTopicArn",
            value=tickets.topic_arn,
            description="Topic of what can wait for the morning",
        )
