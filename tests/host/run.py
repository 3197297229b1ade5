#!/usr/bin/env python3
"""Runs host test programs (cmocka, TAP output) side by side and adds up their test cases.

A program that crashes, hangs or ends before its plan is one failed case more: a test that stopped
half-way must not look like one that passed.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

TIMEOUT_S = 120
RESULT = re.compile(r"^(not )?ok \d+(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)")


def count(output, returncode):
    """The (passed, failed, skipped) cases in a program's output."""
    passed = failed = skipped = 0
    planned = None
    for line in output.splitlines():
        if found := PLAN.match(line):
            planned = int(found[1])
        elif found := RESULT.match(line):
            if "# SKIP" in found[2].upper():
                skipped += 1
            elif found[1]:
                failed += 1
            else:
                passed += 1
    complete = planned is not None and passed + failed + skipped == planned
    if not complete or (returncode != 0 and failed == 0):
        failed += 1
    return passed, failed, skipped


def run(program, logs):
    environment = dict(
        os.environ,
        CMOCKA_MESSAGE_OUTPUT="TAP",
        UBSAN_OPTIONS="print_stacktrace=1",
        ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=0",
    )
    log = logs / (program.name + ".log")
    started = time.monotonic()
    with open(log, "wb") as file:
        try:
            code = subprocess.run([program], stdout=file, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, env=environment, timeout=TIMEOUT_S,
                                  check=False).returncode
        except subprocess.TimeoutExpired:
            file.write(f"\nstopped after {TIMEOUT_S} s\n".encode())
            code = -1
        except OSError as error:
            file.write(f"\ncan't be run: {error}\n".encode())
            code = -1
    output = log.read_text(errors="replace")
    return program.name, count(output, code), time.monotonic() - started, output


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=pathlib.Path, required=True)
    parser.add_argument("--totals", type=pathlib.Path)
    parser.add_argument("programs", type=pathlib.Path, nargs="+")
    options = parser.parse_args()

    totals = [0, 0, 0]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(run, program.resolve(), options.logs) for program in options.programs]
        for job in jobs:
            name, counts, seconds, output = job.result()
            totals = [a + b for a, b in zip(totals, counts)]
            verdict = "FAILED" if counts[1] else "ok"
            print(f"  {name:28}{counts[0]:4} passed{counts[1]:4} failed{seconds:7.1f} s  {verdict}",
                  flush=True)
            if counts[1]:
                print(output.rstrip())
    line = "{} passed, {} failed, {} skipped".format(*totals)
    if options.totals:
        options.totals.write_text(line + "\n")
    print(line)
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
