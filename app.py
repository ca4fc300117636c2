"""Entry point of the CDK: `cdk synth --all -c stage=dev`."""

import os
import sys
from pathlib import Path

from infra.stage_names import StageError, require_stage_in


def main() -> None:
    """Synthesize the stage named in the context."""
    # An unknown stage is refused before aws_cdk is imported, which takes seconds.
    require_stage_in(os.environ)
    # aws_cdk starts the first Node on PATH: the one installed beside this interpreter.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    from infra.application import add_stage, new_app  # noqa: PLC0415
    from infra.decisions import stage_of_context  # noqa: PLC0415

    app = new_app()
    add_stage(app, stage_of_context(app.node.try_get_context))
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except StageError as error:
        sys.exit(str(error))
