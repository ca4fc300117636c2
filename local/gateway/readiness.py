"""The stage's first request to itself: only then does it say that it is ready."""

import http.client
import json

from local.errors import CommandError

_SECONDS = 15


def first_category(port: int, token: str) -> str | None:
    """Return a category of the bank, asked for through the whole stage.

    Raises:
        CommandError: The stage cannot serve its own request.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request(
            "GET", "/questions/categories", headers={"Authorization": f"Bearer {token}"}
        )
        response = connection.getresponse()
        body = json.loads(response.read())
        if response.status != http.client.OK:
            raise CommandError(f"The first request got {response.status}: see the stage's log.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CommandError("The first request got no answer: see the stage's log.") from error
    finally:
        connection.close()
    categories = body["categories"]
    return str(categories[0]["category"]) if categories else None
