"""Every route played on a stage: once so that it is done, once so that it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.integration.stage import ROUTE, InvokedStage, Reply, draft, drafts, submission
from tests.pseudonyms import pseudonym

NOBODY = "0" * 27
UNKNOWN = "geography:999999"


@dataclass(frozen=True)
class Scene:
    """A stage with a bank, and a session of Ada's."""

    stage: InvokedStage
    session_id: str
    shown: Mapping[str, Any]
    imports: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stage: InvokedStage) -> "Scene":
        """Set it up."""
        stage.save(*drafts("geography", 3))
        session_id = stage.start({"category": "geography"})
        return cls(stage, session_id, stage.question(session_id)["question"])

    @property
    def question_id(self) -> str:
        """The question on screen."""
        return str(self.shown["questionId"])

    def path(self, operation: str) -> dict[str, str]:
        """Return the path parameters of a route that lead to Ada's own things."""
        known = {
            "sessionId": self.session_id,
            "userId": "me",
            "questionId": self.question_id,
            "category": "geography",
        }
        if "importId" in ROUTE[operation].path:
            known["importId"] = self.import_id(operation)
        return {each.name: known[each.name] for each in ROUTE[operation].path_parameters}

    def import_id(self, operation: str) -> str:
        """Return an import for an operation alone, opened the first time."""
        if operation not in self.imports:
            body = {"categories": [f"imported-{operation.lower()}"]}
            reply = self.stage.admin("openImport", body)
            self.imports[operation] = reply.body["importId"]
        return self.imports[operation]

    def send(self, operation: str, request: Mapping[str, Any]) -> tuple[Reply, str]:
        """Send a request, by default on Ada's own things; return all output, too."""
        event = self.stage.event(operation, **{"path": self.path(operation), **request})
        self.stage.read_output()
        reply = self.stage.handle(ROUTE[operation].function, event)
        return reply, self.stage.read_output()


Ask = Callable[[Scene], Mapping[str, Any]]
"""The arguments of `InvokedStage.event` that a request differs in."""

On = Callable[[Scene], dict[str, list[str]]]


@dataclass(frozen=True)
class Play:
    """A request that is done and one that is refused, with its code, and what the first is on."""

    on: On
    done: Ask
    refused: Ask
    code: str


ADMIN: Mapping[str, Any] = {"user": "root", "groups": ["admin"]}
NO_IMPORT: Mapping[str, Any] = {"path": {"importId": "0" * 32}, **ADMIN}
STRANGER: Mapping[str, Any] = {"user": "eve"}


def ask(**request: Any) -> Ask:
    """Return a request that is the same on every scene."""
    return lambda _: request


def on_session(scene: Scene) -> dict[str, list[str]]:
    return {"session": [scene.session_id]}


def on_question(scene: Scene) -> dict[str, list[str]]:
    return {"question": [scene.question_id]}


def on_user(_: Scene) -> dict[str, list[str]]:
    return {"user": [pseudonym("ada")]}


def on_category(_: Scene) -> dict[str, list[str]]:
    return {"category": ["geography"]}


def on_import(operation: str) -> On:
    return lambda scene: {"import": [scene.import_id(operation)]}


def on_nothing(_: Scene) -> dict[str, list[str]]:
    return {}


PLAYS: Mapping[str, Play] = {
    "listCategories": Play(on_nothing, ask(), ask(user=""), "UNAUTHORIZED"),
    "startSession": Play(
        on_category,  # and the session that is made, which its test adds
        ask(body={"sources": [{"category": "geography"}]}),
        ask(body={}),
        "VALIDATION_ERROR",
    ),
    "listSessions": Play(on_nothing, ask(), ask(query={"limit": "0"}), "VALIDATION_ERROR"),
    "getSession": Play(on_session, ask(), ask(**STRANGER), "NOT_FOUND"),
    "updateSession": Play(
        on_session,
        ask(body={"version": 1, "name": "Rivers"}),
        ask(body={"version": 7, "name": "Rivers"}),
        "VERSION_CONFLICT",
    ),
    "abandonSession": Play(on_session, ask(), ask(path={"sessionId": NOBODY}), "NOT_FOUND"),
    "getQuestion": Play(on_session, ask(), ask(**STRANGER), "NOT_FOUND"),
    "submitAnswer": Play(
        lambda scene: {**on_session(scene), **on_question(scene)},
        lambda scene: {"body": submission(scene.shown)},
        lambda scene: {"body": submission(scene.shown, turn=99)},
        "TURN_MISMATCH",
    ),
    "listSessionQuestions": Play(on_session, ask(), ask(**STRANGER), "NOT_FOUND"),
    "getUser": Play(on_user, ask(), ask(path={"userId": "eve"}), "NOT_FOUND"),
    "updateUser": Play(
        on_user, ask(body={"displayName": "Ada"}), ask(body="{not json"), "MALFORMED_BODY"
    ),
    "exportUser": Play(on_user, ask(), ask(path={"userId": "eve"}), "NOT_FOUND"),
    "eraseUser": Play(on_user, ask(), ask(path={"userId": "eve"}), "NOT_FOUND"),
    "getProgress": Play(on_user, ask(), ask(path={"userId": "eve"}), "NOT_FOUND"),
    "listQuestionProgress": Play(
        lambda scene: {**on_user(scene), **on_category(scene)},
        ask(query={"category": "geography"}),
        ask(query={"category": "Geo graphy"}),
        "VALIDATION_ERROR",
    ),
    "listWrongAnswers": Play(on_user, ask(), ask(path={"userId": "eve"}), "NOT_FOUND"),
    "saveQuestions": Play(
        lambda _: {"question": ["geography:000003", "rivers:000000"]},
        ask(body={"questions": [draft("geography", 9), {}, draft("rivers", 1)]}, **ADMIN),
        ask(body={"questions": [draft("geography", 9)]}),
        "FORBIDDEN",
    ),
    "listQuestions": Play(
        on_category, ask(query={"category": "geography"}, **ADMIN), ask(), "FORBIDDEN"
    ),
    "getBankQuestion": Play(
        on_question, ask(**ADMIN), ask(path={"questionId": UNKNOWN}, **ADMIN), "NOT_FOUND"
    ),
    "replaceQuestion": Play(
        on_question,
        ask(body=draft("geography", 77), **ADMIN),
        ask(body={}, **ADMIN),
        "VALIDATION_ERROR",
    ),
    "retireQuestion": Play(
        on_question, ask(**ADMIN), ask(path={"questionId": UNKNOWN}, **ADMIN), "NOT_FOUND"
    ),
    "openImport": Play(
        lambda _: {"category": ["rivers"]},
        ask(body={"categories": ["rivers"]}, **ADMIN),
        ask(body={"categories": []}, **ADMIN),
        "VALIDATION_ERROR",
    ),
    "getImport": Play(on_import("getImport"), ask(**ADMIN), ask(**NO_IMPORT), "NOT_FOUND"),
    "addImportPart": Play(
        lambda scene: {
            **on_import("addImportPart")(scene),
            "question": ["imported-addimportpart:000000"],
        },
        ask(body={"part": 1, "questions": [draft("imported-addimportpart", 0)]}, **ADMIN),
        ask(body={"part": 7, "questions": [draft("imported-addimportpart", 0)]}, **ADMIN),
        "VALIDATION_ERROR",
    ),
    "publishImport": Play(on_import("publishImport"), ask(**ADMIN), ask(**NO_IMPORT), "NOT_FOUND"),
    "deleteImport": Play(on_import("deleteImport"), ask(**ADMIN), ask(**NO_IMPORT), "NOT_FOUND"),
    "updateCategory": Play(
        on_category,
        ask(body={"description": "Rivers", "settings": {"policy": "SPACED"}}, **ADMIN),
        ask(path={"category": "unknown"}, body={"title": "?"}, **ADMIN),
        "NOT_FOUND",
    ),
    "getQuestionStatistics": Play(
        on_question, ask(**ADMIN), ask(path={"questionId": UNKNOWN}, **ADMIN), "NOT_FOUND"
    ),
    "getCategoryStatistics": Play(
        on_category, ask(**ADMIN), ask(path={"category": "unknown"}, **ADMIN), "NOT_FOUND"
    ),
}
"""By operation. A route without a play fails test_audit.py."""
