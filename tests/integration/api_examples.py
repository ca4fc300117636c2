"""The examples of the API document: a request and its response for each operation that has them.

One scene is played in order, with a fixed clock and fixed random bytes, so that it is the same each
time.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from lambdas.contract.routes import ROUTES
from tests.integration.stage import ROUTE, InvokedStage

USER = "8d2f0c5e-6a1b-4c1d-9b1e-2f6f0a7c9d31"
ADMINISTRATOR = "1c9e3b7a-52d4-4f0e-8a57-b04c6d1f2e90"

CAPITALS: Mapping[str, tuple[str, ...]] = {
    "Peru": ("Lima", "Bogotá", "Quito"),
    "Ghana": ("Accra", "Lagos", "Lomé"),
    "Norway": ("Oslo", "Bergen", "Stockholm"),
}
"""The right choice of each question is its first."""

ME = {"userId": "me"}
DEFAULTS = {"settings": {"policy": "RATIO", "wrongAnswerPercentage": 20}}

Example = dict[str, Any]


def question(country: str, **other: Any) -> dict[str, Any]:
    """Return a question as an administrator sends it."""
    right = CAPITALS[country][0]
    return {
        "category": "capitals",
        "text": f"What is the capital of {country}?",
        "type": "SINGLE_CHOICE",
        "answers": [{"text": city, "correct": city == right} for city in CAPITALS[country]],
        "explanation": f"{right} is the capital of {country}.",
        "language": "en",
        "difficulty": 2,
        "tags": ["cities"],
        "externalId": f"capital-of-{country.lower()}",
        **other,
    }


def chosen(shown: Mapping[str, Any], *, right: bool) -> dict[str, Any]:
    """Return the body of an answer to the question on screen."""
    cities = next(each for name, each in CAPITALS.items() if name in shown["text"])
    wanted = cities[0] if right else cities[1]
    selected = [each["id"] for each in shown["answers"] if each["text"] == wanted]
    return {
        "questionId": shown["questionId"],
        "turn": shown["turn"],
        "selectedAnswers": selected,
        "timeSpent": 12.5,
    }


def recorded(stage: InvokedStage) -> dict[str, Example]:
    """Return the examples by operation, in the order of the table of routes."""
    stage.services.entropy = Random("examples").randbytes
    scene = Scene(stage)
    scene.fill_the_bank()
    scene.play()
    scene.read_the_record()
    scene.look_after_the_bank()
    scene.import_a_bank()
    scene.leave()
    return {route.operation: scene.examples[route.operation] for route in ROUTES}


class Scene:
    """A stage on which each operation is called, and what was sent and received.

    Attributes:
        examples: Request and response by operation.
        last: The body of the last response.
    """

    def __init__(self, stage: InvokedStage) -> None:
        self.stage = stage
        self.examples: dict[str, Example] = {}
        self.last: Any = None
        self.session: dict[str, str] = {}

    def done(self, operation: str, body: Any = None, **other: Any) -> None:
        """Call an operation, which succeeds, and keep the example."""
        administrative = ROUTE[operation].path.startswith("/admin")
        caller: dict[str, Any] = {"user": USER}
        if administrative:
            caller = {"user": ADMINISTRATOR, "groups": ["admin"]}
        self.stage.clock.advance(5_000)
        reply = self.stage.call(operation, body, **caller, **other)
        assert reply.status == ROUTE[operation].status, reply.body
        self.last = reply.body
        example = {"request": body, "response": reply.body}
        self.examples[operation] = {
            name: each for name, each in example.items() if each is not None
        }

    def fill_the_bank(self) -> None:
        """Save questions, describe their category and a learner's profile."""
        self.done("getHealth")
        self.done("saveQuestions", {"questions": [question(each) for each in CAPITALS]})
        about = {"title": "Capitals", "description": "Capitals of the world.", "language": "en"}
        self.done("updateCategory", {**about, **DEFAULTS}, path={"category": "capitals"})
        self.done("listCategories")
        profile = {"displayName": "Ada", "language": "en", "timeZone": "Europe/London"}
        self.done("updateUser", {**profile, "wrongAnswerPercentage": 20}, path=ME)
        self.done("getUser", path=ME)

    def play(self) -> None:
        """Miss a question, put it right and pause."""
        sources = [{"category": "capitals", "questionCount": 3}]
        self.done("startSession", {"name": "Capitals", "sources": sources, **DEFAULTS})
        self.session = {"sessionId": self.last["sessionId"]}
        self.done("getQuestion", path=self.session)
        for right in (False, True):
            answer = chosen(self.last["question"], right=right)
            self.done("submitAnswer", answer, path=self.session)
        self.done("getSession", path=self.session)
        version = self.last["version"]
        self.done("updateSession", {"version": version, "status": "PAUSED"}, path=self.session)
        self.done("listSessions")

    def read_the_record(self) -> None:
        """Read the learner's progress once the answers are counted."""
        self.stage.count()
        self.done("getProgress", path=ME)
        self.done("listQuestionProgress", path=ME)
        self.done("listWrongAnswers", path=ME)
        self.done("listSessionQuestions", path=self.session)

    def look_after_the_bank(self) -> None:
        """Edit the missed question, read statistics, retire it."""
        missed = {"questionId": self.last["questions"][0]["questionId"]}
        self.done("listQuestions", query={"category": "capitals"})
        self.done("getBankQuestion", path=missed)
        changed = {**self.last, "explanation": "Its largest city, and the seat of government."}
        self.done("replaceQuestion", changed, path=missed)
        self.done("getQuestionStatistics", path=missed)
        self.done("getCategoryStatistics", path={"category": "capitals"})
        self.done("retireQuestion", path=missed)

    def import_a_bank(self) -> None:
        """Import a question, and give another import up."""
        self.done("openImport", {"categories": ["lakes"]})
        self.done("deleteImport", path={"importId": self.last["importId"]})
        self.done("openImport", {"categories": ["rivers"]})
        opened = {"importId": self.last["importId"]}
        river = question("Peru", category="rivers", text="Which river rises in Peru?")
        river["answers"] = [
            {"text": "The Amazon", "correct": True},
            {"text": "The Volta", "correct": False},
        ]
        river |= {"explanation": "It rises in the Andes.", "externalId": "river-of-peru"}
        self.done("addImportPart", {"part": 1, "questions": [river]}, path=opened)
        self.done("getImport", path=opened)
        self.done("publishImport", path=opened)

    def leave(self) -> None:
        """Take everything along, and erase the account."""
        self.done("exportUser", path=ME)
        self.done("abandonSession", path=self.session)
        self.done("eraseUser", path=ME)
