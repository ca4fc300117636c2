"""Names of the stages, checked before anything slow is imported."""

import json
from collections.abc import Mapping

NAMES = ("dev", "staging", "prod", "local", "rehearsal")

FIRST_DEPLOYMENT = "firstDeployment"
"""Key of the context with which `make deploy` synthesizes a first deployment."""


class StageError(ValueError):
    """A stage cannot be synthesized; the message is one sentence that names the remedy."""


class UnknownStageError(StageError):
    """No stage has the given name."""


def require_stage_name(name: object) -> str:
    """Return `name` if a stage has it.

    Raises:
        UnknownStageError: no stage has that name.
    """
    if isinstance(name, str) and name in NAMES:
        return name
    problem = f"There is no stage {name!r}" if name else "No stage is given"
    raise UnknownStageError(f"{problem}: choose one of {', '.join(NAMES)} with -c stage=NAME.")


def require_stage_in(environment: Mapping[str, str]) -> None:
    """Check the stage that the CDK CLI passes in the environment, if it passes one there.

    The CLI writes a large context to a file instead; the app then finds the name later.

    Raises:
        UnknownStageError: no stage has that name.
    """
    context = json.loads(environment.get("CDK_CONTEXT_JSON") or "{}")
    if "stage" in context:
        require_stage_name(context["stage"])
