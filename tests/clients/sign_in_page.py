"""Signs in on the page of a stage that has one, for a program on the learner's own machine.

Authorization code with PKCE (RFC 7636, RFC 8252): the browser shows the page and brings a code to a
local port. The stage's settings are `signInPrefix` and, for example,
`signInCallback=http://localhost:8400/`.
"""

import webbrowser
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client


class Page(NamedTuple):
    """Values of .local/outputs-<stage>.json, and the stage's `signInCallback`."""

    url: str
    client_id: str
    callback: str


def sign_in(page: Page, show: Callable[[str], object] = webbrowser.open) -> OAuth2Client:
    """Show the page, wait for its code, and return a client that sends the token with each request.

    The client is an `httpx2.Client`, and renews the token when it has expired.
    """
    client = OAuth2Client(
        page.client_id,
        scope="quiz/learn",
        redirect_uri=page.callback,
        code_challenge_method="S256",
        token_endpoint=f"{page.url}/oauth2/token",
        token_endpoint_auth_method="none",
    )
    verifier = generate_token(64)
    address, state = client.create_authorization_url(
        f"{page.url}/oauth2/authorize", code_verifier=verifier
    )
    with _Callback(("localhost", urlsplit(page.callback).port or 80), _Returned) as server:
        show(address)
        # A browser may ask for an icon, or open a connection and send nothing.
        while not server.query:
            server.handle_request()
    client.fetch_token(
        authorization_response=f"{page.callback}?{server.query}",
        state=state,
        code_verifier=verifier,
    )
    return client


class _Callback(HTTPServer):
    """Waits for the browser to come back; `query` is what it brings."""

    query = ""


class _Returned(BaseHTTPRequestHandler):
    server: _Callback

    def do_GET(self) -> None:
        query = urlsplit(self.path).query
        if parse_qs(query).keys() & {"code", "error"}:
            self.server.query = query
        self.send_response(200 if self.server.query else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"Return to the program.")

    def log_message(self, *_: object) -> None:
        """Log nothing: the address holds the code."""
