import os
import sysconfig

import pytest

# Before aws_cdk starts its Node process: it takes the first on PATH, and ours is in the virtual
# environment. The CDK's own validator is the CLI's affair (make synth); cdk-nag runs here too.
os.environ["PATH"] = sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]
os.environ.setdefault("CDK_VALIDATION", "false")

from infra.application import add_stage, new_app
from infra.stages import STAGES
from tests.infra.assembly import NO_BUNDLING, Assembly, Template

CLOUD_STAGES = ("dev", "staging", "prod")


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """All stages, synthesized once; a finding that nobody acknowledged fails it."""
    folder = tmp_path_factory.mktemp("cdk.out")
    app = new_app(outdir=str(folder), context=NO_BUNDLING)
    for stage in STAGES.values():
        add_stage(app, stage)
    app.synth()
    return Assembly(folder)


@pytest.fixture(params=CLOUD_STAGES)
def stage_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def api(assembly: Assembly, stage_name: str) -> Template:
    return assembly.template(f"quiz-{stage_name}-api")


@pytest.fixture
def identity(assembly: Assembly, stage_name: str) -> Template:
    return assembly.template(f"quiz-{stage_name}-identity")


@pytest.fixture
def data(assembly: Assembly, stage_name: str) -> Template:
    return assembly.template(f"quiz-{stage_name}-data")
