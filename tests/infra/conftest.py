import fcntl
import os
import sysconfig
from pathlib import Path

import pytest

# Before aws_cdk starts its Node process: it takes the first on PATH, and ours is in the virtual
# environment. The CDK's own validator is the CLI's affair (make synth); cdk-nag runs here too.
os.environ["PATH"] = sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"]
os.environ.setdefault("CDK_VALIDATION", "false")

from infra.application import add_stage, new_app
from infra.stages import Stage
from tests.infra.assembly import NO_BUNDLING, Assembly, Template
from tests.infra.chosen import CHOSEN, CUSTOM, OPERATED_STAGES, SERVICE_STAGES


def synthesize(folder: Path, *stages: Stage) -> Assembly:
    app = new_app(outdir=str(folder), context=NO_BUNDLING)
    for stage in stages:
        add_stage(app, stage)
    app.synth()
    return Assembly(folder)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """All stages, synthesized once; a finding that nobody acknowledged fails it.

    Once for all processes of pytest-xdist, too: the first one does it, the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, done = shared / "all.cdk.out", shared / "all.cdk.out.done"
    with (shared / "all.cdk.out.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            synthesize(folder, *CHOSEN.values())
            done.touch()
    return Assembly(folder)


@pytest.fixture(scope="session")
def custom(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesize(tmp_path_factory.mktemp("cdk.out"), CUSTOM)


@pytest.fixture(params=SERVICE_STAGES)
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


@pytest.fixture
def audit(assembly: Assembly, stage_name: str) -> Template:
    return assembly.template(f"quiz-{stage_name}-audit")


@pytest.fixture(params=OPERATED_STAGES)
def operations(assembly: Assembly, request: pytest.FixtureRequest) -> Template:
    return assembly.template(f"quiz-{request.param}-operations")
