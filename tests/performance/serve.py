"""Serves the requests of a recorded session in the asset, with layers of the SDK cut out.

`PROGRAM FOLDER RECORDING LAYER COUNT USER`: the first COUNT requests are served, on behalf of USER,
whose session is at its beginning. RECORDING holds the requests, and what the engine answered when
they were served the first time. LAYER is the outermost that is left: see `LAYERS`.
"""

import importlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from inspect import isfunction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

LAYERS = ("replayed", "functions", "calls", "HTTP")
"""`replayed` serves the requests twice: as `functions`, and once more with what the engine returned
the first time, so that everything but the engine counts twice. `calls` is the SDK without HTTP."""

NEVER = 10**12
"""Milliseconds after which an answer reads its question again: a recording has no such reads, and
valgrind serves for minutes."""


def main() -> None:
    """Serve."""
    folder, file, layer, count, user = sys.argv[1:]
    sys.path.insert(0, folder)
    recording = json.loads(Path(file).read_text(encoding="utf-8"))
    for event in recording["events"]:
        event["requestContext"]["authorizer"]["claims"]["sub"] = user
    handler = importlib.import_module(f"lambdas.{recording['function']}.handler").handler
    services = importlib.import_module("lambdas.shared.services").services()
    vars(importlib.import_module("lambdas.shared.bank"))["GRADED_FOR"] = NEVER
    services.bank.get(recording["questions"])
    engine = Replay() if layer == "replayed" else None
    cut(services, recording["answers"], LAYERS.index(layer))
    events = recording["events"][: int(count)]
    serve(handler, events)
    if engine:
        engine.begin()
        services.database.client.begin()
        serve(handler, events)


def serve(handler: Callable[..., Any], events: list[Any]) -> None:
    """Serve requests, which succeed."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    for event in events:
        reply = handler(event, context)
        assert reply["statusCode"] == 200, reply


class Replay:
    """Stands between the functions and the domain's, and remembers what those return."""

    def __init__(self) -> None:
        """Take the place of every function of the domain that a module of the functions names."""
        self._results: list[Any] = []
        self._replayed: Iterator[Any] | None = None
        for name, module in list(sys.modules.items()):
            if not name.startswith("lambdas."):
                continue
            for attribute, value in list(vars(module).items()):
                if isfunction(value) and value.__module__.startswith("domain."):
                    setattr(module, attribute, self._remembering(value))

    def begin(self) -> None:
        """Give what was remembered, from the beginning, without asking again."""
        self._replayed = iter(self._results)

    def _remembering(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def remembering(*given: Any, **named: Any) -> Any:
            if self._replayed:
                return next(self._replayed)
            result = function(*given, **named)
            self._results.append(result)
            return result

        return remembering


def cut(services: Any, answers: list[list[str]], left: int) -> None:
    """Let what is recorded stand in for all but the first `left` + 1 layers."""
    # The asset's own packages: those imported before the folder is on the path are others.
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415
    from botocore.compat import HTTPHeaders  # noqa: PLC0415
    from botocore.parsers import create_parser  # noqa: PLC0415
    from urllib3 import HTTPResponse  # noqa: PLC0415

    client = services.database.client
    parser = create_parser("json")
    read = [
        parser.parse(
            {"status_code": 200, "headers": {}, "body": body.encode()},
            client.meta.service_model.operation_model(operation).output_shape,
        )
        for operation, body in answers
    ]
    responses = iter(
        [
            AWSResponse(
                client.meta.endpoint_url,
                200,
                HTTPHeaders(),
                HTTPResponse(io.BytesIO(body.encode()), preload_content=False),
            )
            for _, body in answers
        ]
    )
    if left <= LAYERS.index("functions"):
        services.database = services.database._replace(client=Recorded(read))
        for table in ("sessions", "progress", "wrong_answers", "users", "transactions"):
            services.__dict__.pop(table, None)
    elif left < LAYERS.index("HTTP"):
        client.meta.events.register("before-send.dynamodb", lambda **_: next(responses))


class Recorded:
    """A client that answers what was recorded."""

    def __init__(self, answers: list[Any]) -> None:
        self._answers = answers
        self.begin()

    def begin(self) -> None:
        """Answer from the first on."""
        self._left = iter(self._answers)

    def get_item(self, **_: object) -> Any:
        """Answer."""
        return next(self._left)

    transact_write_items = put_item = get_item


if __name__ == "__main__":
    main()
