"""Tells what a load test saw: to the terminal, and to docs/performance.md if asked."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ops.record import table, write_section
from tests.load.engine_ceiling import Ceiling
from tests.load.learners import ANSWER, QUESTION, Campaign
from tests.load.observations import Latencies, Sample, Trend, Window, quantile, trend
from tests.load.rates import Step

ALL = "all of them"
SHOWN_FAULTS = 10
QUESTION_GOAL, ANSWER_GOAL = 30.0, 60.0
"""Milliseconds at p95, with DynamoDB at a distance and half of the CPU in use."""
IMPORT_GOAL = 150.0
"""Milliseconds at p99 of all requests of learners while a bank is imported."""
SHARE_GOAL = 0.7
"""Share of the rate that handler CPU allows."""


@dataclass(frozen=True)
class Report:
    """The results, and the goals that were missed."""

    section: str
    text: str
    missed: tuple[str, ...]

    def tell(self, faults: Sequence[str], *, record: bool) -> int:
        """Print it, write it down if asked, and return the exit code."""
        print(f"\n{self.text}\n")
        for fault in faults[:SHOWN_FAULTS]:
            print(f"FAULT: {fault}")
        if len(faults) > SHOWN_FAULTS:
            print(f"... and {len(faults) - SHOWN_FAULTS} more")
        for goal in self.missed:
            print(f"MISSED: {goal}")
        if record:
            write_section(self.section, self.text)
        return 1 if faults or self.missed else 0


def of_load(
    campaign: Campaign,
    window: Window,
    samples: Sequence[Sample],
    ceiling: Ceiling,
    faults: Sequence[str],
) -> Report:
    """Tell of learners held for a while."""
    stage = trend((each.at, each.stage_megabytes) for each in samples)
    engine = trend((each.at, each.engine_megabytes) for each in samples)
    pump = trend((each.at, each.pump_megabytes) for each in samples)
    sessions = sum(len(user.sessions) for user in campaign.users)
    open_ones = sum(not each.over for user in campaign.users for each in user.sessions.values())
    text = f"""\
{len(campaign.users):,} learners for {window.seconds:.0f} seconds, {sessions:,} sessions, \
{open_ones:,} of them open at the end. {campaign.done["lose_a_response"]} responses lost, \
{campaign.done["double_click"]} double clicks, {campaign.done["pause_and_resume"]} pauses.
{window.rate:.0f} requests a second; the engine alone does {ceiling.pairs_a_second:.0f} answers' \
reads and transactions a second.

{latency_table(window.latencies)}

{_processes(window)}
Memory of the stage: {_told(stage)}; of the engine: {_told(engine)}; of the \
pump: {_told(pump)}.
{_verdict(faults)}"""
    missed = _errors(window.latencies)
    missed += [
        f"flat memory: the {name} grows by {memory.growth:.0%} over the run"
        for name, memory in (("stage", stage), ("pump", pump))
        if memory.flat is False
    ]
    return Report("load", text, tuple(missed))


def of_saturation(steps: Sequence[Step], ceiling: Ceiling, faults: Sequence[str]) -> Report:
    """Tell of the highest rate that was served; it is the last step."""
    best = steps[-1].window
    rows = [
        [
            f"{step.offered:.0f}",
            f"{step.window.rate:.0f}",
            *(f"{quantile(step.window.latencies.all, q):.0f}" for q in (0.5, 0.95, 0.99)),
            step.window.latencies.failed,
            "yes" if step.served else "no",
        ]
        for step in sorted(steps, key=lambda step: step.offered)
    ]
    head = ["offered, 1/s", "answered, 1/s", "p50, ms", "p95, ms", "p99, ms", "errors", "served"]
    text = f"""\
Highest steady rate: **{best.rate:.0f} requests a second**, held for {best.seconds:.0f} seconds. \
The engine alone does {ceiling.pairs_a_second:.0f} answers' reads and transactions a second.

{table(head, rows)}

{_processes(best)}
A request takes {best.handler_milliseconds:.2f} ms of CPU in its handler, so that one interpreter \
could do {1000 / best.handler_milliseconds:.0f} a second if it did nothing else: \
{best.handler_share:.0%} of that was reached (goal: {SHARE_GOAL:.0%}). All that a request takes \
here, in stage, engine, pump and load test, would let this machine's {os.cpu_count()} cores do \
{best.rate * (os.cpu_count() or 1) / best.all_cpu:.0f}.
{_verdict(faults)}"""
    missed = []
    if best.handler_share < SHARE_GOAL:
        missed.append(f"{SHARE_GOAL:.0%} of what handler CPU allows: {best.handler_share:.0%}")
    return Report("saturation", text, tuple(missed))


def of_distance(window: Window, faults: Sequence[str]) -> Report:
    """Tell of latencies with DynamoDB at a distance."""
    goals = {QUESTION: QUESTION_GOAL, ANSWER: ANSWER_GOAL}
    missed = [
        f"{route}: p95 {p95:.0f} ms, goal {goal:.0f}"
        for route, goal in goals.items()
        if (p95 := quantile(window.latencies.by_route[route], 0.95)) >= goal
    ]
    text = f"""\
{window.rate:.0f} requests a second, for {window.seconds:.0f} seconds. Goals: question p95 below \
{QUESTION_GOAL:.0f} ms, answer p95 below {ANSWER_GOAL:.0f} ms.

{latency_table(window.latencies)}

{_processes(window)}
{_verdict(faults)}"""
    return Report("distance", text, tuple(missed))


def of_import(
    learners: int, questions: int, before: Window, during: Window, faults: Sequence[str]
) -> Report:
    """Compare the latencies of learners before and during an import."""
    shares = (0.5, 0.95, 0.99)
    routes = sorted(
        during.latencies.by_route, key=lambda each: -len(during.latencies.by_route[each])
    )
    times = {
        f"`{each}`": [of.latencies.by_route.get(each, []) for of in (before, during)]
        for each in routes
    }
    times[ALL] = [before.latencies.all, during.latencies.all]
    rows = [
        [route, *(f"{quantile(some, q):.1f}" if some else "-" for some in both for q in shares)]
        for route, both in times.items()
    ]
    whens = ("before", "during")
    head = ["route", *(f"p{q * 100:.0f} {when}, ms" for when in whens for q in shares)]
    p99 = quantile(during.latencies.all, 0.99)
    text = f"""\
{learners:,} learners for {before.seconds:.0f} seconds, and for the {during.seconds:.0f} seconds \
in which {questions:,} questions were imported: {questions / during.seconds:.0f} a second. \
Goal: p99 of learners' requests during an import at most {IMPORT_GOAL:.0f} ms; it was {p99:.0f}.

{table(head, rows)}

Before: {_processes(before)}
During: {_processes(during)}
{_verdict(faults)}"""
    missed = [] if p99 <= IMPORT_GOAL else [f"p99 of {IMPORT_GOAL:.0f} ms: {p99:.0f} ms"]
    missed += _errors(during.latencies)
    return Report("import", text, tuple(missed))


def line_of_step(step: Step) -> str:
    """Return a line on a step."""
    window = step.window
    return (
        f"{step.offered:6.0f}/s offered, {window.rate:6.0f}/s answered, p95 {step.p95:5.0f} ms, "
        f"{window.latencies.failed} errors, cores: stage "
        f"{window.stage_cpu:.2f}, engine {window.engine_cpu:.2f}, pump {window.pump_cpu:.2f}, "
        f"load test {window.own_cpu:.2f}"
        f"{'' if step.served else ': not served'}"
    )


def latency_table(latencies: Latencies) -> str:
    """Return response times by route, the busiest first."""
    routes = sorted(latencies.by_route.items(), key=lambda item: -len(item[1]))
    rows = [
        [
            route if route == ALL else f"`{route}`",
            f"{len(times):,}",
            *(f"{quantile(times, share):.1f}" for share in (0.5, 0.95, 0.99)),
            len(latencies.failures.get(route, ())) if route != ALL else latencies.failed,
        ]
        for route, times in [*routes, (ALL, latencies.all)]
    ]
    return table(["route", "requests", "p50, ms", "p95, ms", "p99, ms", "errors"], rows)


def _errors(latencies: Latencies) -> list[str]:
    """Return that the goal of no errors is missed, with some of them, if it is."""
    reasons = [f"{route}: {each}" for route, some in latencies.failures.items() for each in some]
    return [f"no errors: {len(reasons)}, such as {'; '.join(reasons[:5])}"] if reasons else []


def _processes(window: Window) -> str:
    return (
        f"Cores in use: stage {window.stage_cpu:.2f} (handlers {window.handler_share:.2f}), "
        f"engine {window.engine_cpu:.2f}, pump and consumer {window.pump_cpu:.2f}, load test "
        f"{window.own_cpu:.2f}."
    )


def _told(memory: Trend) -> str:
    verdict = {True: "flat", False: "growing", None: "too short a run to tell whether it is flat"}
    return f"{memory.mean:.0f} MB, {memory.hourly:+.1f} MB an hour, {verdict[memory.flat]}"


def _verdict(faults: Sequence[str]) -> str:
    if faults:
        return f"**{len(faults)} differences** between what learners were told and what is kept."
    return (
        "Nothing lost: sessions, records of questions, pool entries and counted totals equal the "
        "responses."
    )
