"""Pages beside the API: its document, a browser for it, and the keys that check tokens."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.data_folder import ROOT

SWAGGER_UI = ROOT / "node_modules" / "swagger-ui-dist"
_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Adaptive quiz API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<p class="swagger-ui" style="max-width: 1460px; margin: 1em auto; padding: 0 20px">
To call a route, print a token with <code>make token USER=ada</code> in the project's folder, choose
<strong>Authorize</strong> below and paste it. Routes of the bank need
<code>make token USER=ada GROUPS=admin</code>. <a href="/">Play in the browser</a> instead.
</p>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


def pages(
    document: Callable[[], Mapping[str, Any]], key_set: Callable[[], Mapping[str, Any]]
) -> list[Route]:
    """Return the routes of the pages; both are called for each request."""

    def page(_: Request) -> Response:
        return HTMLResponse(_PAGE, headers=_HEADERS)

    def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript", headers=_HEADERS)

    return [
        Route("/docs", page),
        Route("/docs/start.js", start),
        *(_asset(SWAGGER_UI / name) for name in _ASSETS),
        _json("/openapi.json", document),
        _json("/.well-known/jwks.json", key_set),
    ]


def _asset(file: Path) -> Route:
    def asset(_: Request) -> Response:
        return FileResponse(file, headers=_HEADERS)

    return Route(f"/docs/{file.name}", asset)


def _json(path: str, content: Callable[[], Mapping[str, Any]]) -> Route:
    def document(_: Request) -> Response:
        return JSONResponse(content(), headers={"Access-Control-Allow-Origin": "*"})

    return Route(path, document)
