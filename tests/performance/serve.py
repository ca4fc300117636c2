"""Serves the requests of a recorded session in the asset, with layers of the SDK cut out.

`PROGRAM FOLDER RECORDING LAYER COUNT USER`: the first COUNT requests are served, on behalf of USER,
whose session is at its beginning. RECORDING holds the requests, and what the engine answered when
they were served the first time. LAYER is the outermost that is left: see `LAYERS`.
"""

# ruff: noqa: SLF001 - layers that have no switch are cut where they are called

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LAYERS = ("functions", "calls", "endpoint", "signature", "response", "HTTP")


def main() -> None:
    """Serve."""
    folder, file, layer, count, user = sys.argv[1:]
    sys.path.insert(0, folder)
    recording = json.loads(Path(file).read_text(encoding="utf-8"))
    for event in recording["events"]:
        event["requestContext"]["authorizer"]["claims"]["sub"] = user
    handler = importlib.import_module(f"lambdas.{recording['function']}.handler").handler
    environment = importlib.import_module("lambdas.shared.environment").environment()
    environment.bank.get(recording["questions"])
    cut(environment, recording["answers"], LAYERS.index(layer))
    for event in recording["events"][: int(count)]:
        reply = handler(event, None)
        assert reply["statusCode"] == 200, reply


def cut(environment: Any, answers: list[list[str]], left: int) -> None:
    """Let what is recorded stand in for all but the first `left` + 1 layers."""
    # The asset's own botocore: what is imported before the folder is on the path is another.
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415
    from botocore.compat import HTTPHeaders  # noqa: PLC0415
    from botocore.parsers import create_parser  # noqa: PLC0415

    client = environment.database.client
    model = client.meta.service_model
    parser = create_parser(model.resolved_protocol)
    parsed = iter(
        [
            parser.parse(
                {"status_code": 200, "headers": {}, "body": body.encode()},
                model.operation_model(operation).output_shape,
            )
            for operation, body in answers
        ]
    )
    raw = iter([body.encode() for _, body in answers])
    url = client.meta.endpoint_url

    def answer(**_: object) -> AWSResponse:
        return AWSResponse(url, 200, HTTPHeaders(), Content(next(raw)))

    if left == LAYERS.index("functions"):
        environment.database = environment.database._replace(client=Recorded(parsed))
        for table in ("sessions", "progress", "wrong_answers", "users", "transactions"):
            environment.__dict__.pop(table, None)
    elif left < LAYERS.index("response"):
        done = AWSResponse(url, 200, HTTPHeaders(), Content(b""))
        client._endpoint._get_response = lambda *_: ((done, next(parsed)), None)
    elif left < LAYERS.index("HTTP"):
        client.meta.events.register("before-send.dynamodb", answer)
    if left < LAYERS.index("signature"):
        client.meta.events.unregister("request-created.dynamodb", client._request_signer.handler)
    if left < LAYERS.index("endpoint"):
        client._resolve_endpoint_ruleset = lambda *_: (url, {}, {})


class Content:
    """A response's body, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Yield all of it."""
        yield self._content


class Recorded:
    """A client that answers what was recorded."""

    def __init__(self, answers: Iterator[Any]) -> None:
        self._answers = answers

    def get_item(self, **_: object) -> Any:
        """Answer."""
        return next(self._answers)

    transact_write_items = put_item = get_item


if __name__ == "__main__":
    main()
