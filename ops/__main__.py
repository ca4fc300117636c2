"""The operator's command line: `python -m ops COMMAND`, which the targets of the Makefile call.

A command imports its packages when it runs: printing a token must not wait for boto3 or the CDK.
An error is one sentence on standard error and an exit code, which CommandError carries.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from infra.stage_names import NAMES
from local.errors import CommandError

LAPTOP = "local"
"""The stage that `make run` serves on this machine."""

INTERRUPTED = 130

category_option = click.option("--category", envvar="CATEGORY", help="Only this category.")
context_option = click.option(
    "--context", multiple=True, help="A setting in place of the one in cdk.json: K=V."
)
record_option = click.option("--record", is_flag=True, help="Write the tables into docs/.")


def stage_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that names the stage, which STAGE in the environment does as well."""
    return click.option(
        "--stage",
        envvar="STAGE",
        default=default,
        show_default=True,
        callback=_known_stage,
        help=f"One of {', '.join(NAMES)}.",
    )


def _known_stage(_context: click.Context, _option: click.Parameter, stage: str) -> str:
    if stage not in NAMES:
        raise CommandError(f"There is no stage {stage!r}: choose one of {', '.join(NAMES)}.")
    return stage


class Commands(click.Group):
    """Commands that print nothing more when the operator interrupts them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an interruption is an exit code."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, EOFError):
            ctx.exit(INTERRUPTED)


@click.group(cls=Commands)
def operate() -> None:
    """Operate the stages of the quiz."""


@operate.command()
@stage_option(LAPTOP)
def run(stage: str) -> None:
    """Serve the API on this machine until Ctrl-C (PORT=8000)."""
    only_on_this_machine(stage, "run")
    from local.run import run as run_stage

    run_stage()


@operate.command()
def tables() -> None:
    """Write the tables of the stage local from its synthesized template."""
    from tempfile import TemporaryDirectory

    from infra.application import add_stage, new_app
    from infra.stages import STAGES
    from local.database.tables import read_tables, write_tables

    with TemporaryDirectory() as folder:
        app = new_app(outdir=folder, context={"aws:cdk:bundling-stacks": []})
        add_stage(app, STAGES[LAPTOP])
        app.synth()
        write_tables(read_tables(Path(folder)))


@operate.command()
@click.option("--user", required=True, help="E-mail address; on the stage local, any name.")
@click.option("--groups", default="", help="Groups of the user on the stage local: admin.")
@stage_option(LAPTOP)
def token(user: str, groups: str, stage: str) -> None:
    """Print an access token, and nothing else.

    On a deployed stage the user signs in with the password of QUIZ_PASSWORD, or is asked for it.
    """
    if not (user := user.strip()):
        raise CommandError("Name the user of the token: make token USER=ada [GROUPS=admin]")
    names = [name.strip() for name in groups.split(",") if name.strip()]
    if stage == LAPTOP:
        from local.accounts.sign_in import LaptopSignIn, refuse_unknown_groups

        refuse_unknown_groups(names)
        laptop = LaptopSignIn.find()
        laptop.confirm_sign_up(user)
        print(laptop.access_token(user, names))
        return
    if names:
        raise CommandError(
            f"Stage {stage} keeps the groups of its users: leave GROUPS out, "
            "and see docs/deployment.md for how to add an administrator."
        )
    from ops.deploy.outputs import Outputs
    from ops.deploy.sign_in import sign_in_by_hand

    print(sign_in_by_hand(Outputs.read(stage), user))


@operate.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--category", envvar="CATEGORY", help="The category of all questions of the file.")
@click.option("--user", help="E-mail address of an administrator; on the stage local, any name.")
@click.option("--dry-run", is_flag=True, help="Show what would be imported, and send nothing.")
@stage_option(LAPTOP)
def import_(file: Path, category: str | None, user: str | None, dry_run: bool, stage: str) -> int:
    """Import a question bank into a stage.

    On a deployed stage an administrator signs in with the password of QUIZ_PASSWORD, or is asked
    for it. Exit codes: 0 all of the file went in or was known, 1 questions were refused or the
    stage failed, 2 a wrong call or no question bank, 130 interrupted.
    """
    from ops.bank.program import import_file

    return import_file(file, stage, user, category, dry_run=dry_run)


@operate.command()
@category_option
@click.option("--user", help="E-mail address of an administrator; on the stage local, any name.")
@click.option("--format", "format_", default="jsonl", help="jsonl, csv, gift or moodle-xml.")
@click.option("--file", type=click.Path(path_type=Path), help="The file to write.")
@stage_option(LAPTOP)
def export(
    category: str | None, user: str | None, format_: str, file: Path | None, stage: str
) -> None:
    """Write the questions of a stage into a file, answers included."""
    from ops.bank.program import export_bank

    print(export_bank(stage, user, category, format_, file))


@operate.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "json_output", is_flag=True, help="Print one JSON object.")
def inspect(file: Path, json_output: bool) -> None:
    """Show what a question bank holds and what would be imported, without a stage.

    Exit codes: 0 it was read, 2 it cannot be.
    """
    from ops.bank.inspect import inspect_file

    inspect_file(file, json_output=json_output)


@operate.command()
@stage_option(LAPTOP)
def reset(stage: str) -> None:
    """Delete all data of the stage on this machine, which must not be running."""
    only_on_this_machine(stage, "reset")
    from local.reset import reset as reset_stage

    reset_stage()


@operate.command()
@click.option("--learners", envvar="LEARNERS", default=20, show_default=True)
@click.option("--questions", envvar="QUESTIONS", default=300, show_default=True)
@click.option("--answers-a-day", envvar="ANSWERS_A_DAY", default=30, show_default=True)
@click.option("--days", envvar="DAYS", default=14, show_default=True)
@click.option("--error", envvar="ERROR", multiple=True, type=click.FloatRange(0.03, 0.72))
@click.option("--large", default=10_000, show_default=True, help="Questions played to the end.")
@click.option("--log", envvar="LOG", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--processes", envvar="PROCESSES", default=os.cpu_count() or 1)
@click.option("--quick", is_flag=True, help="Few learners; fails if a figure leaves its band.")
@record_option
def lab(  # noqa: PLR0913 - an option each
    *,
    learners: int,
    questions: int,
    answers_a_day: int,
    days: int,
    error: Sequence[float],
    large: int,
    log: Path | None,
    processes: int,
    quick: bool,
    record: bool,
) -> int:
    """Compare policies on simulated learners, or on those of a log of reviews."""
    from ops.lab.program import ERRORS, Options, run_laboratory, run_quick
    from ops.lab.run import Course

    if quick:
        return run_quick(processes)
    course = Course(questions, answers_a_day, days)
    options = Options(learners, course, tuple(error) or ERRORS, large, processes)
    return run_laboratory(options, log, record=record)


@operate.command()
def openapi() -> None:
    """Write docs/openapi.json."""
    from local.gateway.openapi_document import write

    write()


@operate.command()
@click.argument("requirements", nargs=-1, required=True)
@click.option("--audit", envvar="AUDIT", help="'required' fails when a package is not looked up.")
def vulnerabilities(requirements: Sequence[str], audit: str | None) -> int:
    """Look locked Python packages up among the known vulnerabilities."""
    from ops.vulnerabilities import audit_all

    return audit_all(requirements, required=audit == "required")


@operate.command()
@click.option("--users", type=click.IntRange(1), help="Learners a month; without, several sizes.")
@click.option("--answers", type=click.FloatRange(0), help="Answers of a learner a month.")
@click.option("--errors", type=click.FloatRange(0, 1), help="Share of answers that are wrong.")
@click.option("--window", type=click.FloatRange(0), help="Batch window of counting, in seconds.")
@record_option
@stage_option("prod")
def capacity(
    users: int | None,
    answers: float | None,
    errors: float | None,
    window: float | None,
    record: bool,
    stage: str,
) -> None:
    """Estimate what a number of learners asks of AWS, and costs there."""
    from ops.cost.capacity import write_capacity
    from ops.cost.workload import Profile

    usual = Profile()
    profile = Profile(
        answers=usual.answers if answers is None else answers,
        error_rate=usual.error_rate if errors is None else errors,
    )
    write_capacity(stage, users, profile, window, record=record)


@operate.command()
@click.option("--adopt", is_flag=True, help="Take over what a destroyed stage retained.")
@click.option("--built", is_flag=True, help="Deploy what 'build' wrote; synthesize nothing.")
@context_option
@stage_option("dev")
def deploy(stage: str, context: Sequence[str], *, adopt: bool, built: bool) -> None:
    """Deploy the stacks of a stage."""
    only_deployed(stage)
    from ops.deploy import stacks

    stacks.deploy(stage, context, adopt=adopt, built=built)


@operate.command()
@context_option
@stage_option("dev")
def build(stage: str, context: Sequence[str]) -> None:
    """Write the assembly of a stage, to deploy it later with --built."""
    only_deployed(stage)
    from ops.deploy import stacks

    for folder in stacks.build(stage, context):
        print(folder)


@operate.command()
@context_option
@stage_option("dev")
def diff(stage: str, context: Sequence[str]) -> None:
    """Show what deploying a stage would change."""
    only_deployed(stage)
    from ops.deploy import stacks

    stacks.diff(stage, context)


@operate.command()
@click.option("--confirm", default="", help="The stage again: skips the question.")
@context_option
@stage_option("dev")
def destroy(stage: str, context: Sequence[str], confirm: str) -> None:
    """Delete the stacks of a stage, and all of its data."""
    only_deployed(stage)
    from ops.deploy import stacks

    stacks.destroy(stage, context, confirm)


@operate.command()
@context_option
@stage_option("dev")
def doctor(stage: str, context: Sequence[str]) -> None:
    """Check whether the account can take a stage, before anything is deployed."""
    only_deployed(stage)
    from ops.deploy import stacks

    stacks.doctor(stage, context)


@operate.command()
@click.option("--user", required=True, help="E-mail address of the administrator.")
@stage_option("dev")
def admin(stage: str, user: str) -> None:
    """Make a user of a deployed stage an administrator; create them if need be."""
    only_deployed(stage)
    from ops.deploy.admin import make_administrator

    print(make_administrator(stage, user))


@operate.command()
@click.option("--seconds", type=click.IntRange(1), help="Longest wait for the record.")
@stage_option("dev")
def verify(stage: str, seconds: int | None) -> None:
    """Verify that an audit record arrives in its bucket and is locked there."""
    only_deployed(stage)
    from ops.deploy.verify import WAIT_SECONDS
    from ops.deploy.verify import verify as verify_audit

    print(verify_audit(stage, seconds or WAIT_SECONDS))


@operate.command()
@stage_option("dev")
def rollback(stage: str) -> None:
    """Move the functions of a deployed stage back to the code before."""
    only_deployed(stage)
    from ops.deploy.aliases import roll_back

    for line in roll_back(stage):
        print(line)


@operate.command()
@click.option("--table", required=True, help="users, questions, sessions, progress, …")
@click.option("--at", required=True, help="The time to go back to: 2026-11-25T09:30:00Z.")
@click.option("--confirm", default="", help="The stage again: skips the question.")
@stage_option("dev")
def restore(stage: str, table: str, at: str, confirm: str) -> None:
    """Copy back what a table lost, from a restore of it to a point in time."""
    only_deployed(stage)
    from ops.deploy.restore import restore as restore_table

    restore_table(stage, table, at, confirm)


@operate.command()
@stage_option("dev")
def redrive(stage: str) -> int:
    """Count the failed batches of answers again.

    Exit codes: 0 no batch is left, 1 some are left, 2 the command could not run.
    """
    from ops.deploy.redrive import redrive_stage

    return redrive_stage(stage)


@operate.command()
@stage_option("dev")
def smoke(stage: str) -> None:
    """Play a short session on a stage.

    Exit codes: 0 the stage works, 1 it does not, 2 the command could not run.
    """
    from ops.deploy.smoke import smoke as smoke_stage

    print(smoke_stage(stage))


@operate.command()
@category_option
@click.option("--user", envvar="QUIZ_USER", help="E-mail address of an administrator.")
@click.option("--questions", type=click.IntRange(1), help="Most questions read of a category.")
@stage_option("dev")
def report(stage: str, category: str | None, user: str | None, questions: int | None) -> None:
    """Write a page of plots of how questions behave, for teachers.

    On a deployed stage an administrator signs in with the password of QUIZ_PASSWORD, or is asked
    for it. The page contains right answers: it is not for learners.
    """
    from ops.report.program import write_report

    print(f"file://{write_report(stage, user, category, questions)}")


def only_on_this_machine(stage: str, command: str) -> None:
    """Refuse a deployed stage.

    Raises:
        CommandError: The stage is a deployed one.
    """
    if stage != LAPTOP:
        raise CommandError(
            f"'make {command}' works on this machine alone, and STAGE is {stage}: leave STAGE out."
        )


def only_deployed(stage: str) -> None:
    """Refuse the stage on this machine.

    Raises:
        CommandError: It is that stage.
    """
    if stage == LAPTOP:
        raise CommandError("The stage 'local' is this machine's: start it with 'make run'.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    try:
        return operate(arguments, prog_name="python -m ops", standalone_mode=False) or 0
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        print(error.format_message(), file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    # A shell starts programs in the background with SIGINT ignored.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    # The CDK starts whichever Node comes first on the path.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    sys.exit(main())
