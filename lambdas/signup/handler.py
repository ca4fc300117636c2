"""Called by Cognito when a sign-up is confirmed (Developer guide, "Post confirmation trigger").

An error would be shown to the user, whose account is confirmed all the same, and no later sign-in
would call this again. So it raises none. A step that a passing fault left out does no harm: a user
without an item has the defaults, and the first change of the profile makes one; the group `learner`
only informs, as every user may practise.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes.cognito_user_pool_event import (
    PostConfirmationTriggerEvent,
)

from lambdas.shared.deadline import deadline
from lambdas.shared.http.identity import LEARNER_GROUP
from lambdas.shared.services import services
from lambdas.shared.settings import settings
from lambdas.shared.telemetry import audit_record
from lambdas.shared.telemetry.request_log import Usage, log_fault, usage
from lambdas.shared.user_pool import UserPool

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CONFIRMED = "PostConfirmation_ConfirmSignUp"
"""The trigger source handled; the other source, a new password, makes no user."""


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Make the user's item and put them into the group; return the event, as Cognito expects."""
    trigger = PostConfirmationTriggerEvent(event)
    if trigger.trigger_source == CONFIRMED:
        _set_up(trigger, context)
    return event


def _set_up(trigger: PostConfirmationTriggerEvent, context: "LambdaContext") -> None:
    user_id, pool_id = trigger.request.user_attributes["sub"], trigger.user_pool_id
    request_id = context.aws_request_id
    token = usage.set(Usage(deadline=deadline(context)))
    try:
        # The one is not left undone because the other failed.
        done = [
            _attempt(lambda: _create(user_id), request_id),
            _attempt(lambda: _join(pool_id, user_id), request_id),
        ]
    finally:
        usage.reset(token)
    audit_record.write_record(
        who=user_id,
        what="signUp",
        on={audit_record.Target.USER: [user_id]},
        request_id=request_id,
        status=200 if all(done) else 500,
    )


def _create(user_id: str) -> None:
    current = services()
    current.users.create(user_id, current.clock())


def _join(pool_id: str, user_id: str) -> None:
    # The pool is the one that calls: declared, function and pool would each need the other first.
    UserPool(services().cognito, pool_id).add_to_group(user_id, LEARNER_GROUP)


def _attempt(step: Callable[[], None], request_id: str) -> bool:
    try:
        step()
    except Exception as error:  # whatever it is, it must not stand in the way of a sign-up
        log_fault(settings(), error, request_id)
        return False
    return True
