#!/usr/bin/env python3
"""Runs OpenStack's own suites for one service against a cloud and judges what came out.

usage: conformance.py SERVICE [--only SUITE,SUITE…] [--folder FOLDER]

The cloud is one of its own, by the binary that HANEUL names, or the running one whose clouds.yaml HANEUL_CLOUD names.
Good is: nothing failed, and exactly those tests were skipped that docs/conformance.md lists, each with its reason.
FOLDER keeps what tempest wrote, and failures.txt.
"""

import argparse
import collections
import contextlib
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "System")]

import subunit  # noqa: E402
import tempest.test_discover  # noqa: E402
import testtools  # noqa: E402
import yaml  # noqa: E402

import issuer  # noqa: E402
import tempest_conf  # noqa: E402

ADMIN = "haneul-admin"
BIN = Path(sys.executable).parent
LIST = HERE.parents[1] / "docs" / "conformance.md"
# Two cores bear two workers, and the cloud under test.
WORKERS = os.environ.get("WORKERS", "2")
# A suite that hangs is ended.
SECONDS_MAX = 5400

# What a cloud is brought up with for a service's suites, and what tempest must know of that.
FLAGS = {"identity": ("--lockout-failures", "3", "--lockout-seconds", "5", "--password-history", "2")}
OPTIONS = {"identity": {
    "identity-feature-enabled.security_compliance": True, "identity.user_lockout_failure_attempts": 3,
    "identity.user_lockout_duration": 5, "identity.user_unique_last_password_count": 2,
}}
SUITES = {
    "identity": {
        "tempest": r"^tempest\.api\.identity\.",
        "plugin-api": r"^keystone_tempest_plugin\.tests\.api\.",
        "rbac": r"^keystone_tempest_plugin\.tests\.rbac\.",
        "scenario": r"^keystone_tempest_plugin\.tests\.scenario\.",
    },
}


@dataclasses.dataclass
class Outcome:
    status: str
    text: str = ""
    requests: str = ""


@dataclasses.dataclass
class Result:
    """What one suite gave: an outcome for each test that it has."""
    suite: str
    outcomes: dict
    seconds: float

    def of(self, *statuses):
        return sorted(test for test, outcome in self.outcomes.items() if outcome.status in statuses)

    @property
    def failed(self):
        return [test for test in self.outcomes if test not in {*self.of("success"), *self.of("skip")}]


class Workspace:
    """A folder from which stestr runs tempest."""

    def __init__(self, folder):
        self.folder = folder
        discover = Path(tempest.test_discover.__file__).parent
        (folder / ".stestr.conf").write_text(
            f"[DEFAULT]\ntest_path={discover}\ntop_dir={discover.parents[1]}\ngroup_regex=([^\\.]*\\.)*\n")
        self.env = {**os.environ, "TEMPEST_CONFIG_DIR": str(folder), "TEMPEST_CONFIG": "tempest.conf"}
        if not (folder / ".stestr").exists():
            self.stestr("init")

    def stestr(self, *words, out=subprocess.PIPE, check=True):
        done = subprocess.run(
            [str(BIN / "stestr"), *words], cwd=self.folder, env=self.env, stdout=out, stderr=subprocess.PIPE,
            timeout=SECONDS_MAX, check=False)
        if check and done.returncode:
            raise SystemExit(f"stestr {' '.join(words)}:\n{done.stderr.decode()[-3000:]}")
        return done

    def run(self, suite, regex):
        listed = self.stestr("list", regex).stdout.decode().split()
        if not listed:
            raise SystemExit(f"no test matches {regex}: is the plugin installed?")
        path = self.folder / f"{suite}.subunit"
        began = time.monotonic()
        with open(path, "wb") as out:
            self.stestr("run", "--subunit", "--concurrency", WORKERS, regex, out=out, check=False)
        return Result(suite, judged([plain(test) for test in listed], outcomes(path)), time.monotonic() - began)


def plain(test):
    """A test's id without its attributes: `module.Class.test[id-…]`."""
    return test.split("[")[0]


def outcomes(path):
    """What a stream says of tests and of the set-ups of classes, `setUpClass (module.Class)`."""
    found = {}

    def keep(told):
        text = {"traceback": "", "reason": "", "pythonlogging": ""}
        for name, content in told["details"].items():
            for kind in text:
                if name.startswith(kind):
                    text[kind] += content.as_text()
        requests = "\n".join(re.findall(r"\): (\d+ \w+ \S+)", text["pythonlogging"]))
        if told["status"] != "exists":
            found[plain(told["id"])] = Outcome(told["status"], (text["traceback"] or text["reason"]).strip(), requests)

    result = testtools.StreamToDict(keep)
    result.startTestRun()
    with open(path, "rb") as stream:
        subunit.ByteStreamToStreamResult(stream, non_subunit_name="stdout").run(result)
    result.stopTestRun()
    return found


def judged(listed, found):
    """An outcome for each listed test: its own, or that of its class, or that it was never run; what else went wrong
    (a class that could not clean up) stands beside them."""
    all_of_them = {}
    for test in listed:
        group = f"setUpClass ({test.rpartition('.')[0]})"
        all_of_them[test] = found.get(test) or found.get(group) or Outcome("lost", "it was not run")
    wrong = {name: one for name, one in found.items() if name not in all_of_them and one.status == "fail"}
    used = {f"setUpClass ({test.rpartition('.')[0]})" for test in listed}
    return {**all_of_them, **{name: one for name, one in wrong.items() if name not in used}}


def listed_skips(suite):
    """The rows `| suite | `test` or `prefix*` | how many | reason |` of the document."""
    for line in LIST.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] == suite and cells[2].isdigit():
            yield cells[1].strip("`"), int(cells[2]), cells[3]


def wrong_skips(result):
    """What is not as the document says."""
    left = set(result.of("skip"))
    for pattern, count, reason in listed_skips(result.suite):
        fits = {test for test in left if test == pattern or pattern.endswith("*") and test.startswith(pattern[:-1])}
        left -= fits
        if len(fits) != count:
            yield f"{pattern}: {len(fits)} were skipped, {LIST.name} says {count}"
        if not reason:
            yield f"{pattern}: {LIST.name} gives no reason"
    for test in sorted(left):
        yield f"{test} was skipped and is not listed: {result.outcomes[test].text[:100]}"


def summary(text):
    """The line of a traceback that says what was wrong, without names that differ from run to run."""
    lines = [line for line in text.splitlines() if line.strip()]
    heads = [at for at, line in enumerate(lines) if re.match(r"[\w.]+(: |$)", line) and not line.startswith("Details")]
    line = " ".join(lines[heads[-1]:heads[-1] + 3]) if heads else lines[-1] if lines else "?"
    return re.sub(r"tempest-[\w-]+", "NAME", re.sub(r"\b[0-9a-f]{32}\b", "ID", line))[:240]


def write_failures(path, results):
    with open(path, "w") as out:
        for result in results:
            for test in result.failed:
                outcome = result.outcomes[test]
                out.write(f"=== {test}: {outcome.status}\n{outcome.text}\n--- its requests\n{outcome.requests}\n\n")


def show(results, folder):
    """Prints the figures; whether all is well."""
    wrong = []
    print(f"{'suite':<12}{'tests':>7}{'passed':>8}{'failed':>8}{'skipped':>8}{'time':>9}")
    for result in results:
        passed, skipped, failed = len(result.of("success")), len(result.of("skip")), len(result.failed)
        print(f"{result.suite:<12}{len(result.outcomes):>7}{passed:>8}{failed:>8}{skipped:>8}{result.seconds:>7.0f} s")
        wrong += list(wrong_skips(result))
    causes = collections.Counter(summary(r.outcomes[test].text) for r in results for test in r.failed)
    for cause, count in causes.most_common(20):
        print(f"{count:>4} x {cause}")
    for line in wrong:
        print(f"skips: {line}")
    if causes:
        write_failures(folder / "failures.txt", results)
        print(f"the failures: {folder / 'failures.txt'}")
    return not causes and not wrong


def judge(service, clouds, folder, only=None):
    """Runs suites of a service (all without `only`) against the cloud of a clouds.yaml; whether all is well. The cloud
    was brought up with the `FLAGS` of the service."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: regex for name, regex in SUITES[service].items() if name in (only or SUITES[service])}
    auth = yaml.safe_load(Path(clouds).read_text())["clouds"][ADMIN]["auth"]
    with issuer.federation(auth) if "scenario" in wanted else contextlib.nullcontext({}) as federated:
        tempest_conf.write(str(clouds), ADMIN, service, str(folder), {**OPTIONS[service], **federated})
        place = Workspace(folder)
        return show([place.run(name, regex) for name, regex in wanted.items()], folder)


@contextlib.contextmanager
def cloud_of_its_own(service):
    """A cloud that goes afterwards."""
    from cloudlib import bring_up
    cloud = bring_up(8796, os.environ.get("BLOCK", "203.0.113") + ".128/25", more=FLAGS[service])
    try:
        yield cloud.clouds_yaml
    finally:
        cloud.down("--clear-host", check=False)
        shutil.rmtree(cloud.state, ignore_errors=True)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("service", choices=sorted(SUITES))
    words.add_argument("--only", type=lambda text: text.split(","))
    words.add_argument("--folder", type=Path)
    asked = words.parse_args()
    folder = (asked.folder or Path("/var/tmp/haneul-conformance") / asked.service).resolve()
    given = os.environ.get("HANEUL_CLOUD")
    with contextlib.nullcontext(given) if given else cloud_of_its_own(asked.service) as clouds:
        sys.exit(0 if judge(asked.service, clouds, folder, asked.only) else 1)


if __name__ == "__main__":
    main()
