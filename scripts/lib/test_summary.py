"""Counts what a test run did and prints it: the failures, the skipped cases, then one line.

usage: test_summary.py RESULTS_FOLDER

The folder holds ctest.xml, and one <test>.json for each test that is a shard of a GoogleTest
program. A test without a JSON file counts as one case. A shard that failed although no case in it
did (it crashed, ran out of time, or a sanitizer spoke at exit) counts as one failed case.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as xml


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.slow = []

    def add_gtest_case(self, name, case):
        if case.get("failures"):
            self.failed.append(name)
        elif case.get("result") in ("SKIPPED", "SUPPRESSED") or case.get("status") == "NOTRUN":
            self.skipped.append(name)
        else:
            self.passed += 1
        self.slow.append((float(case.get("time", "0s").rstrip("s")), name))

    def add_program(self, test_name, ran_well, report):
        failed_before = len(self.failed)
        for suite in report.get("testsuites", []):
            for case in suite.get("testsuite", []):
                self.add_gtest_case(f"{suite['name']}.{case['name']}", case)
        if not ran_well and len(self.failed) == failed_before:
            self.failed.append(f"{test_name} (the program ended badly)")

    def add_test(self, test):
        name, status = test.get("name"), test.get("status")
        if status in ("notrun", "disabled"):
            # A program that could not be started is a failure; a test that was told to skip is not.
            skipped = test.find("skipped")
            reason = skipped.get("message", "") if skipped is not None else ""
            (self.skipped if "SKIP" in reason.upper() else self.failed).append(f"{name} {reason}")
        elif status == "fail":
            self.failed.append(name)
        else:
            self.passed += 1


def read_report(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def tally_of(folder):
    tally = Tally()
    for test in xml.parse(folder / "ctest.xml").getroot().iter("testcase"):
        report = read_report(folder / (test.get("name") + ".json"))
        if report is None:
            tally.add_test(test)
        else:
            tally.add_program(test.get("name"), test.get("status") == "run", report)
    return tally


def main(folder):
    try:
        tally = tally_of(pathlib.Path(folder))
    except (OSError, xml.ParseError) as error:
        print(f"no test results to read: {error}")
        print("0 passed, 1 failed")
        return 1
    for seconds, name in sorted(tally.slow, reverse=True)[:5]:
        if seconds >= 1:
            print(f"  slow     {seconds:6.1f} s  {name}")
    for name in tally.skipped:
        print(f"  skipped  {name}")
    for name in tally.failed:
        print(f"  FAILED   {name}")
    if tally.passed == 0 and not tally.failed:
        print("no case ran: nothing matches the filter, or every case was skipped")
        tally.failed.append("nothing ran")
    line = f"{tally.passed} passed, {len(tally.failed)} failed"
    if tally.skipped:
        line += f", {len(tally.skipped)} skipped"
    print(line)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
