"""The tables, which must not be lost. The one declaration of their keys and indexes."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.constructs.table import Table, number_key, string_key
from infra.permissions import (
    BEYOND_HEAD,
    BY_CATEGORY,
    BY_NAME,
    OWED_BY_CATEGORY,
    UNFINISHED_ERASURES,
    UNFINISHED_SESSIONS,
    TableName,
)
from infra.stacks.base import StageStack
from infra.stages import Stage


class DataStack(StageStack):
    """The five tables. Names are physical and carry the stage."""

    tables: dict[TableName, Table]

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "data", stage=stage, purpose="Tables of the quiz", stateful=True)
        users = Table(self, TableName.USERS, stage=stage, partition_key="userId")
        # Holds the few erased accounts that are not completely erased yet, and nothing else.
        users.add_global_secondary_index(
            index_name=UNFINISHED_ERASURES,
            partition_key=string_key("erasing"),
            sort_key=number_key("erasedAt"),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        questions = Table(
            self,
            TableName.QUESTIONS,
            stage=stage,
            partition_key="questionId",
            time_to_live="ttl",  # of imports alone
        )
        questions.add_global_secondary_index(
            index_name=BY_CATEGORY,
            partition_key=string_key("category"),
            sort_key=number_key("ordinal"),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        # Holds the categories, one item each, and nothing else. The lease and the revision are not
        # projected, so that writing them does not write the index.
        questions.add_global_secondary_index(
            index_name=BY_NAME,
            partition_key=string_key("listed"),
            sort_key=string_key("category"),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=["title", "description", "language", "size", "active"],
        )
        sessions = Table(
            self,
            TableName.SESSIONS,
            stage=stage,
            partition_key="userId",
            sort_key="sessionId",
            time_to_live="ttl",
        )
        # Holds the active and paused sessions: the day on which each expires unless it is used.
        sessions.add_local_index(UNFINISHED_SESSIONS, sort_key=number_key("ends"))
        progress = Table(
            self,
            TableName.PROGRESS,
            stage=stage,
            partition_key="userId",
            sort_key="questionId",
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
        )
        wrong_answers = Table(
            self,
            TableName.WRONG_ANSWERS,
            stage=stage,
            partition_key="userId",
            sort_key="timestamp",
        )
        # Holds the entries that are not in the head of their session's pool, by session and time.
        wrong_answers.add_local_index(
            BEYOND_HEAD,
            sort_key=string_key("beyondHead"),
            attributes=["remainingTries", "leftover", "atTurn"],
        )
        # Holds all entries by category and session, so that a review skips sessions in progress.
        wrong_answers.add_local_index(
            OWED_BY_CATEGORY, sort_key=string_key("owedIn"), attributes=["remainingTries"]
        )
        self.tables = {
            TableName.USERS: users,
            TableName.QUESTIONS: questions,
            TableName.SESSIONS: sessions,
            TableName.PROGRESS: progress,
            TableName.WRONG_ANSWERS: wrong_answers,
        }
