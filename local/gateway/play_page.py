"""The play page: its files, the libraries it loads, and the tokens of its learners.

The page is an ordinary client of the API. Its only privilege is `POST /play/token`, which issues a
learner's access token for a name. A page of another origin cannot use it: the request must name
this stage as its host and as its origin, so neither a cross-origin request nor a host name that was
rebound to this address gets a token.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lambdas.contract.gateway_problems import CONTENT_TYPE
from local.accounts.token_issuer import TOKEN_SECONDS
from local.data_folder import ROOT

PAGE: Final = ROOT / "local" / "page"
MAX_NAME: Final = 64
_MAX_BODY_BYTES: Final = 1024

_LIBRARIES: Final = {
    "lit-html/lit-html.js": "lit-html/lit-html.js",
    "lit-html/directive.js": "lit-html/directive.js",
    "lit-html/directive-helpers.js": "lit-html/directive-helpers.js",
    "lit-html/directives/guard.js": "lit-html/directives/guard.js",
    "lit-html/directives/live.js": "lit-html/directives/live.js",
    "marked.esm.js": "marked/lib/marked.esm.js",
    "purify.es.mjs": "dompurify/dist/purify.es.mjs",
    "temml.mjs": "temml/dist/temml.mjs",
    "Temml-Local.css": "temml/dist/Temml-Local.css",
    "Temml.woff2": "temml/dist/Temml.woff2",
}
"""Files in node_modules, by the names that the page loads them under."""

_TYPES: Final = {".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css"}

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; trusted-types lit-html dompurify; "
        "require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_REPORT_HEADERS: Final = {
    **_HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
}

_NO_REPORT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Teacher's report</title>
<h1>No report yet</h1>
<p>Run <code>make report STAGE=local</code> while the stage is running, then reload this page.</p>
<p><a href="/">Back to the quiz</a></p>
</html>
"""


def play_page(token: Callable[[str], str], url: str, report: Path) -> list[Route]:
    """Return the routes of the page.

    Args:
        token: Signs a learner up by name and returns an access token.
        url: Address of the stage; requests for a token must come from its own pages.
        report: File of the teacher's report, which may not exist yet.
    """
    origins = {url, url.replace("127.0.0.1", "localhost")}

    async def issue(request: Request) -> Response:
        origin = f"http://{request.headers.get('host')}"
        if origin not in origins or request.headers.get("origin") != origin:
            return _refusal(403, "FORBIDDEN", "Tokens are for the pages of this stage alone.")
        name = _name(await request.body())
        if not name:
            return _refusal(422, "VALIDATION_ERROR", f"Name: 1 to {MAX_NAME} printable characters.")
        body = {"token": await run_in_threadpool(token, name), "expiresIn": TOKEN_SECONDS}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    def latest_report(_: Request) -> Response:
        if report.exists():
            return FileResponse(report, media_type="text/html", headers=_REPORT_HEADERS)
        return HTMLResponse(_NO_REPORT, headers=_REPORT_HEADERS)

    libraries = ROOT / "node_modules"
    return [
        _file("/", PAGE / "index.html"),
        *(_file(f"/play/{file.name}", file) for file in sorted(PAGE.glob("*.*s"))),
        *(_file(f"/play/lib/{name}", libraries / path) for name, path in _LIBRARIES.items()),
        Route("/play/token", issue, methods=["POST"]),
        Route("/report", latest_report),
    ]


def _name(body: bytes) -> str | None:
    """Return the name in a request's body, None if there is no valid one."""
    try:
        value: Any = json.loads(body) if len(body) <= _MAX_BODY_BYTES else None
    except ValueError:
        return None
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str) or not name.strip().isprintable():
        return None
    return name.strip() if 0 < len(name.strip()) <= MAX_NAME else None


def _refusal(status: int, code: str, detail: str) -> Response:
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    return JSONResponse(body, status, media_type=CONTENT_TYPE)


def _file(path: str, file: Path) -> Route:
    media_type = _TYPES.get(file.suffix)

    def answer(_: Request) -> Response:
        return FileResponse(file, media_type=media_type, headers=_HEADERS)

    return Route(path, answer)
