"""Entry point of the CDK: `cdk synth --all -c stage=dev`."""

import sys

from infra.application import add_stage, new_app
from infra.stages import StageError, stage_of_context


def main() -> None:
    """Synthesize the stage named in the context."""
    app = new_app()
    try:
        stage = stage_of_context(app.node.try_get_context)
    except StageError as error:
        sys.exit(str(error))
    add_stage(app, stage)
    app.synth()


if __name__ == "__main__":
    main()
