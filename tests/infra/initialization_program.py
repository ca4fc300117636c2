"""Initializes a function of the packaged asset: `python -I -S PROGRAM FOLDER NAME`.

Prints what it loaded as one JSON object, last.
"""

import importlib
import json
import sys

folder, name = sys.argv[1:]
sys.path.insert(0, folder)
importlib.import_module(f"lambdas.{name}.handler")

of_asset = [
    module
    for module, loaded in sys.modules.items()
    if str(getattr(loaded, "__file__", None)).startswith(folder)
]
seen = {
    "packages": sorted({module.partition(".")[0] for module in of_asset}),
    "modules": of_asset,
    "functions": sorted(
        {
            module.split(".")[1]
            for module in of_asset
            if module.startswith("lambdas.") and module.endswith(".handler")
        }
    ),
}
print(json.dumps(seen))  # noqa: T201
