"""A query of CloudWatch Logs Insights, saved for whoever looks."""

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.queries import Query
from infra.stages import Stage


class SavedQuery(logs.CfnQueryDefinition):
    """The query, under the stage's name, on the log groups it asks."""

    def __init__(self, scope: Construct, *, stage: Stage, query: Query) -> None:
        super().__init__(
            scope,
            f"{query.name.title().replace('-', '')}Query",
            name=f"{stage.prefix}/{query.name}",
            query_string=query.text,
            log_group_names=list(query.log_groups(stage)),
        )
