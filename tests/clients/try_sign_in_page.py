"""Signs in by sign_in_page.py on a page that stands in for the user pool's, and calls an API there.

The page checks what an authorization server has to: the challenge, the code, the address to return
to and the refresh token.
"""

import base64
import hashlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from sign_in_page import Page, sign_in

CLIENT, CODE, SCOPE = "client-of-the-test", "the-code", "quiz/learn"


class Server(BaseHTTPRequestHandler):
    """The page, its token endpoint and an API of one path."""

    challenge = ""
    granted = 0

    def do_GET(self) -> None:
        """Send the browser back with a code, or answer a call of the API."""
        address = urlsplit(self.path)
        if address.path == "/oauth2/authorize":
            sent = {name: value for name, (value,) in parse_qs(address.query).items()}
            assert (sent["client_id"], sent["scope"]) == (CLIENT, SCOPE)
            assert (sent["response_type"], sent["code_challenge_method"]) == ("code", "S256")
            Server.challenge = sent["code_challenge"]
            back = urlencode({"code": CODE, "state": sent["state"]})
            self.send_response(302)
            self.send_header("Location", f"{sent['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self._answer({"said": self.headers["Authorization"]})

    def do_POST(self) -> None:
        """Grant a token that is about to expire, so that the next request renews it."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sent = {name: value for name, (value,) in parse_qs(body).items()}
        assert sent["client_id"] == CLIENT
        if sent["grant_type"] == "authorization_code":
            assert (sent["code"], sent["redirect_uri"]) == (CODE, CALLBACK)
            digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
            assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == Server.challenge
            granted = {"refresh_token": "renews", "expires_in": 1}
        else:
            assert (sent["grant_type"], sent["refresh_token"]) == ("refresh_token", "renews")
            granted = {"expires_in": 900}
        Server.granted += 1
        self._answer({"access_token": f"t{Server.granted}", "token_type": "Bearer", **granted})

    def _answer(self, body: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def free_port() -> int:
    """Return a port that nothing listens at."""
    with ThreadingHTTPServer(("localhost", 0), Server) as server:
        return int(server.server_address[1])


CALLBACK = f"http://localhost:{free_port()}/"


def main() -> None:
    """Sign in twice; the first call renews the token each time, the second one need not."""
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the page of the test has no certificate
    with ThreadingHTTPServer(("localhost", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://localhost:{server.server_address[1]}"
        for first in (1, 3):  # a second sign-in waits for a code of its own
            visits: list[threading.Thread] = []

            def browse(address: str, visits: list[threading.Thread] = visits) -> None:
                visits.append(threading.Thread(target=visit, args=(address,)))
                visits[-1].start()

            client = sign_in(Page(url, CLIENT, CALLBACK), show=browse)
            calls = [client.get(f"{url}/users/me").json() for _ in range(2)]
            client.close()
            assert [call["said"] for call in calls] == [f"Bearer t{first + 1}"] * 2, calls
            visits[0].join()
        server.shutdown()
    print("signed in")


def visit(address: str) -> None:
    """Go to an address as a browser does: it also asks for an icon."""
    assert httpx2.get(f"{CALLBACK}favicon.ico").status_code == 404
    assert httpx2.get(address, follow_redirects=True).text == "Return to the program."


if __name__ == "__main__":
    main()
