"""A cloud on this machine: MiniStack as a process, and the programs and clients that reach it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx2
from botocore.config import Config

from local.data_folder import ROOT
from ops.deploy.outputs import Outputs
from tests.infra.assembly import Assembly
from tests.support.stage_process import free_port

ACCOUNT = "123456789012"
REGION = "us-east-1"
STAGE = "rehearsal"
PREFIX = f"quiz-{STAGE}"
CDK = ROOT / "node_modules" / ".bin" / "cdk"
SERVER = ROOT / ".venv-rehearsal" / "bin" / "python"
TOO_LONG = 300.0

Done = subprocess.CompletedProcess[str]


@dataclass
class LocalCloud:
    """`folder` holds whatever it and the programs that reach it write."""

    folder: Path
    url: str

    @property
    def failure(self) -> Path:
        """The file whose existence makes the creation of an alias fail."""
        return self.folder / "failure"

    @cached_property
    def environment(self) -> dict[str, str]:
        """Environment of programs that reach it, without the user's own account."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "QUIZ_"))}
        return inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": self.url,
            # The number of the account is the key of its root, and any secret goes with it.
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "made-up",  # pragma: allowlist secret
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "QUIZ_DATA_DIR": str(self.folder / "data"),
            "CDK_VALIDATION": "false",  # `make synth` has it; it doubles the time
        }

    def run(self, *command: str | Path, cwd: Path = ROOT, **variables: str) -> Done:
        """Run a program to its end, whatever that is."""
        return subprocess.run(
            command,
            cwd=cwd,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TOO_LONG,
            check=False,
        )

    def cdk(self, *arguments: str | Path, cwd: Path = ROOT) -> Done:
        """Run the CDK's own command line."""
        return self.run(CDK, *arguments, cwd=cwd)

    def operate(self, command: str, *arguments: str | Path, **variables: str) -> Done:
        """Run a command of the operator on the stage, as make does."""
        program = [sys.executable, "-m", "ops", command, "--stage", STAGE, *arguments]
        return self.run(*program, cwd=ROOT, **variables)

    def start(self, command: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command of the operator on the stage, and read its output while it runs."""
        return subprocess.Popen(
            [sys.executable, "-m", "ops", command, "--stage", STAGE, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client(self, service: str) -> Any:
        """Return a client with all rights."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="made-up",  # pragma: allowlist secret
            config=Config(retries={"total_max_attempts": 1}),
        )

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """Return all items of a list."""
        paginator = self.client(service).get_paginator(operation)
        return [item for page in paginator.paginate(**parameters) for item in page[key]]

    def signing_key(self, user_pool_id: str) -> bytes:
        """Return the key of a pool's access tokens, which AWS would never give away."""
        file = self.folder / "state" / "cognito-pool-keys" / f"{user_pool_id}-access.pem"
        return file.read_bytes()

    def function_logs(self) -> str:
        """Return what the functions have logged, for whoever reads of a failure."""
        logs = self.client("logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{PREFIX}-")
        lines = [
            event["message"]
            for group in groups["logGroups"]
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Deployment:
    """The stage as it was deployed."""

    cloud: LocalCloud
    assembly: Assembly
    outputs: Outputs
    told: Done

    @property
    def api_id(self) -> str:
        """The gateway's id."""
        return urlsplit(self.outputs.apiUrl).path.split("/")[3]

    def http(self, token: str = "") -> httpx2.Client:
        """Return a client of the API."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        base = self.outputs.apiUrl.rstrip("/")
        return httpx2.Client(base_url=base, headers=headers, timeout=TOO_LONG)


@contextmanager
def local_cloud(folder: Path) -> Iterator[LocalCloud]:
    """Start a cloud that listens on this machine alone, and end it with all it started."""
    port = free_port()
    for name in ("state", "data"):
        (folder / name).mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AUTH": "true",  # roles are enforced
        "CLOUDTRAIL_RECORDING": "1",
        "FAILURE": str(folder / "failure"),
        # Each would open another port, one of them to the network.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with (folder / "cloud.log").open("w") as log:
        process = subprocess.Popen(
            [SERVER, Path(__file__).with_name("cloud_server.py")],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    cloud = LocalCloud(folder, f"http://127.0.0.1:{port}")
    try:
        _await_ready(process, cloud)
        yield cloud
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_ready(process: subprocess.Popen[bytes], cloud: LocalCloud) -> None:
    deadline = monotonic() + TOO_LONG
    while monotonic() < deadline:
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            pass
        else:
            break
        try:
            if httpx2.get(f"{cloud.url}/_ministack/health", timeout=5).is_success:
                return
        except httpx2.HTTPError:
            continue
    raise AssertionError((cloud.folder / "cloud.log").read_text())


def reachable(cloud: LocalCloud, outputs_file: Path) -> Outputs:
    """Rewrite the address of the API, which is AWS's, to where this cloud serves it."""
    content = json.loads(outputs_file.read_text())
    api = urlsplit(content["apiUrl"])
    api_id = api.netloc.split(".")[0]
    assert api.netloc == f"{api_id}.execute-api.{REGION}.amazonaws.com"
    outputs = Outputs(**content | {"apiUrl": f"{cloud.url}/_aws/execute-api/{api_id}{api.path}"})
    outputs_file.write_text(
        json.dumps({name: getattr(outputs, name) for name in content}), encoding="utf-8"
    )
    return outputs
