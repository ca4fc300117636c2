"""Starts a function of the asset, and serves a request: `PROGRAM FOLDER FUNCTION [EVENT]`.

As on Lambda where AWS_LAMBDA_FUNCTION_NAME is set; else the client is made without a first call.
"""

import importlib
import json
import sys
from types import SimpleNamespace

folder, name, *served = sys.argv[1:]
sys.path.insert(0, folder)
handler = importlib.import_module(f"lambdas.{name}.handler").handler
if name != "health":
    importlib.import_module("lambdas.shared.services").services()
if served:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    reply = handler(json.loads(served[0]), context)
    assert reply["statusCode"] in (200, 201), reply
