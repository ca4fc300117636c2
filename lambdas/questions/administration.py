"""Routes of administrators: questions of the bank, categories, imports and statistics."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from domain.question import category_and_ordinal
from domain.session.policy import Preferences
from lambdas.contract.bodies.bank_import import AddImportPart, OpenImport
from lambdas.contract.bodies.category import UpdateCategory
from lambdas.contract.bodies.question import ReplaceQuestion, SaveQuestions
from lambdas.contract.formats import QUESTION_ID_PATTERN
from lambdas.questions import imports, statistics, use_cases
from lambdas.questions.category_view import category_view
from lambdas.questions.drafts import result_views
from lambdas.questions.statistics_view import (
    category_statistics_view,
    question_statistics_view,
)
from lambdas.shared.http.entrypoint import Operation
from lambdas.shared.http.pagination import page_position, page_token
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.store.imports import BankImport
from lambdas.shared.store.questions import BankRecord
from lambdas.shared.telemetry.audit_record import Target, name_target
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from lambdas.contract import responses


def save_questions(request: Request, services: Services) -> Response:
    """POST /admin/questions."""
    wanted = request.body(SaveQuestions)
    staged = use_cases.save_questions(services, wanted.questions)
    name_target(Target.QUESTION, *(each.question_id for each in staged if each.question_id))
    body: responses.SaveResults = {"results": result_views(staged)}
    return Response(200, body)


def list_questions(request: Request, services: Services) -> Response:
    """GET /admin/questions."""
    operation, user_id, query = request.route.operation, request.user_id, request.query
    records, following = use_cases.list_questions(
        services,
        category=query.get("category"),
        limit=query["limit"],
        after=page_position(operation, user_id, query, QUESTION_ID_PATTERN),
    )
    body: responses.BankQuestionPage = {"questions": [record_view(record) for record in records]}
    if following:
        body["nextToken"] = page_token(following, operation, user_id, query)
    return Response(200, body)


def get_bank_question(request: Request, services: Services) -> Response:
    """GET /admin/questions/{questionId}."""
    record = use_cases.get_question(services, request.path["questionId"])
    return Response(200, record_view(record))


def replace_question(request: Request, services: Services) -> Response:
    """PUT /admin/questions/{questionId}."""
    identifier = request.path["questionId"]
    wanted = request.body(ReplaceQuestion, partial(use_cases.category_faults, identifier))
    record = use_cases.replace_question(services, identifier, wanted)
    return Response(200, record_view(record))


def retire_question(request: Request, services: Services) -> Response:
    """DELETE /admin/questions/{questionId}."""
    use_cases.retire_question(services, request.path["questionId"])
    return Response(204)


def update_category(request: Request, services: Services) -> Response:
    """PATCH /admin/categories/{category}."""
    wanted = request.body(UpdateCategory)
    changed = use_cases.update_category(services, request.path["category"], wanted)
    body: responses.BankCategory = {
        **category_view(changed),
        "settings": defaults_view(changed.defaults),
    }
    return Response(200, body)


def get_question_statistics(request: Request, services: Services) -> Response:
    """GET /admin/questions/{questionId}/statistics."""
    record, tally = statistics.question_statistics(services, request.path["questionId"])
    return Response(200, question_statistics_view(record, tally))


def get_category_statistics(request: Request, services: Services) -> Response:
    """GET /admin/categories/{category}/statistics."""
    category = request.path["category"]
    report = statistics.read_category(services, category)
    return Response(200, category_statistics_view(category, report))


def open_import(request: Request, services: Services) -> Response:
    """POST /admin/imports."""
    wanted = request.body(OpenImport)
    name_target(Target.CATEGORY, *wanted.categories)
    key = request.headers.get("Idempotency-Key")
    opened, new = imports.open_import(services, request.user_id, wanted, key)
    location = {"Location": f"{request.address}/{opened.import_id}"}
    return Response(201 if new else 200, import_view(opened, services.clock()), location)


def get_import(request: Request, services: Services) -> Response:
    """GET /admin/imports/{importId}."""
    found = imports.get_import(services, request.path["importId"])
    return Response(200, import_view(found, services.clock()))


def add_import_part(request: Request, services: Services) -> Response:
    """POST /admin/imports/{importId}/questions."""
    wanted = request.body(AddImportPart)
    results = imports.add_part(services, request.path["importId"], wanted.part, wanted.questions)
    name_target(Target.QUESTION, *(each["questionId"] for each in results if "questionId" in each))
    body: responses.SaveResults = {"results": results}
    return Response(200, body)


def publish_import(request: Request, services: Services) -> Response:
    """POST /admin/imports/{importId}/publish."""
    published = imports.publish_import(services, request.path["importId"])
    return Response(202, import_view(published, services.clock()))


def delete_import(request: Request, services: Services) -> Response:
    """DELETE /admin/imports/{importId}."""
    imports.delete_import(services, request.path["importId"])
    return Response(204)


def defaults_view(defaults: Preferences) -> "responses.DefaultSettings":
    """Return the default settings that are set."""
    spacing: responses.DefaultSpacing = {}
    if defaults.first_lag is not None:
        spacing["firstLag"] = defaults.first_lag
    if defaults.second_lag is not None:
        spacing["secondLag"] = defaults.second_lag
    if defaults.share is not None:
        spacing["share"] = defaults.share
    if defaults.pending_limit is not None:
        spacing["pendingLimit"] = defaults.pending_limit or None
    body: responses.DefaultSettings = {}
    if defaults.policy is not None:
        body["policy"] = defaults.policy.value
    if defaults.wrong_answer_percentage is not None:
        body["wrongAnswerPercentage"] = defaults.wrong_answer_percentage
    if spacing:
        body["spacing"] = spacing
    return body


def record_view(record: BankRecord) -> "responses.BankQuestion":
    """Return a question of the bank, its answer key included."""
    question = record.question
    body: responses.BankQuestion = {
        "questionId": question.question_id,
        "category": category_and_ordinal(question.question_id)[0],
        "text": question.text,
        "type": "MULTIPLE_CHOICE" if question.multiple else "SINGLE_CHOICE",
        "answers": [
            {"text": choice.text, "correct": choice.correct, "pinned": choice.pinned}
            for choice in question.choices
        ],
        "explanation": question.explanation,
        "language": question.language,
        "tags": list(record.tags),
        "version": question.version,
        "retired": question.retired,
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
    }
    if record.difficulty is not None:
        body["difficulty"] = record.difficulty
    if record.external_id is not None:
        body["externalId"] = record.external_id
    return body


def import_view(found: BankImport, now: int) -> "responses.BankImport":
    """Return an import as administrators see it."""
    return {
        "importId": found.import_id,
        "status": found.status_at(now).value,
        "categories": list(found.categories),
        "parts": found.parts,
        "updatesLeft": found.updates_left,
        "createdAt": iso(found.created_at),
        "expiresAt": iso(found.expires_at),
    }


OPERATIONS: Mapping[str, Operation] = {
    "saveQuestions": save_questions,
    "listQuestions": list_questions,
    "getBankQuestion": get_bank_question,
    "replaceQuestion": replace_question,
    "retireQuestion": retire_question,
    "openImport": open_import,
    "getImport": get_import,
    "addImportPart": add_import_part,
    "publishImport": publish_import,
    "deleteImport": delete_import,
    "updateCategory": update_category,
    "getQuestionStatistics": get_question_statistics,
    "getCategoryStatistics": get_category_statistics,
}
"""Functions by operation of the route table."""
