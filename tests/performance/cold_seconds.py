"""Measures cold starts in seconds at Lambda's share of a processor: `make bench-cold-seconds`.

A start is the interpreter, the function's imports, its clients with their first call, and a first
request. The process may use as much of a processor as Lambda gives a function of 512 MB: it is
stopped whenever it is ahead of that share and continued when it is due. Nothing here runs on
Lambda: its own start of an environment, the network and its processor are missing.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from lambdas.contract.routes import FUNCTIONS
from ops.record import table, write_section
from tests.performance.cold_start import CATEGORY, PROGRAM, first_request
from tests.performance.packaged import bench_database, packaged

MEMORY = 512
WHOLE_PROCESSOR = 1769
"""Megabytes at which a function has one vCPU.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""
SHARE = MEMORY / WHOLE_PROCESSOR
SLICE = 0.005
"""Seconds between two looks at the processor time used."""
RUNS = 5
SECTION = "cold start in seconds"


def main(arguments: list[str]) -> int:
    """Print the table; return the exit code."""
    rows = []
    with packaged() as made, bench_database() as database:
        database.save(CATEGORY, 20 * RUNS)

        def walls(function: str, share: float) -> list[float]:
            environment = {**database.environment, "AWS_LAMBDA_FUNCTION_NAME": function}
            found = []
            for _ in range(RUNS):
                request = json.dumps(first_request(database, function))
                program = (made.python, "-I", "-S", "-B", PROGRAM, made.asset, function, request)
                seconds, _ = measure([str(each) for each in program], environment, share)
                found.append(seconds)
            return found

        for function in FUNCTIONS:
            shared, whole = walls(function, SHARE), walls(function, 1.0)
            columns = (min(shared), statistics.median(shared), statistics.median(whole))
            rows.append((function, *(f"{each:.2f}" for each in columns)))
    head = ("function", f"fastest of {RUNS}", "median", "median at one vCPU")
    content = (
        f"Seconds of start, warm-up and first request at {SHARE:.2f} vCPU, Lambda's share at "
        f"{MEMORY} MB. Not measured on Lambda: its start of an environment, its processor and the "
        f"network are missing.\n\n{table(head, rows)}"
    )
    print(content)
    if "--record" in arguments:
        write_section(SECTION, content)
    return 0


def measure(
    command: Sequence[str], environment: Mapping[str, str], share: float
) -> tuple[float, float]:
    """Return the seconds that a program takes at a share of a processor, and its processor time.

    Raises:
        SystemExit: the program failed.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        env={"PATH": os.defpath, "PYTHONHASHSEED": "0", **environment},
        stdout=subprocess.DEVNULL,
    )
    used = 0.0
    try:
        while process.poll() is None:
            used = max(used, processor_seconds(process.pid))
            pace(process, pause=used / share - (time.monotonic() - started), sleep=time.sleep)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with exit code {process.returncode}.")
    return time.monotonic() - started, used


def pace(process: "subprocess.Popen[bytes]", pause: float, sleep: Callable[[float], None]) -> None:
    """Stop a process for as long as it is ahead of its share; let it run for a slice otherwise."""
    if pause <= 0:
        sleep(SLICE)
        return
    process.send_signal(signal.SIGSTOP)
    sleep(pause)
    process.send_signal(signal.SIGCONT)
    sleep(SLICE * SHARE)


def processor_seconds(pid: int) -> float:
    """Return the processor time that a running process has used, by Linux's clock of it."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:  # it has just ended
        return 0.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
