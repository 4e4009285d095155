"""The part of `scripts/bench cluster` that runs jobs on real local clusters.

usage: cluster_bench.py PROGRAMS_FOLDER [--quick] [--json FILE] [--only PART]

Starts `weir up` with two supervisors of one slot each for every figure, runs cluster_job on it
(tests/benchmarks/cluster_job.cc) and reads what its processes have written. --only takes a part of
a figure's name. FILE is a list of runs: it is added to, so that it can be bench_cluster's.
"""
import argparse
import array
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import cluster_chaos  # noqa: E402
from cluster_chaos import ClusterFailure  # noqa: E402

MIB = 1 << 20
STATE_OF_A_KEY = 1024  # bytes, see cluster_job.cc


def await_that(condition, what, patience=60):
    """What `condition` returns, once that is something."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise ClusterFailure(f"not within {patience} s: {what}")
        time.sleep(0.01)


class Report:
    """The table, line by line, and the runs behind it."""

    def __init__(self):
        self.runs, self.missed, self.is_valid = [], 0, True
        self.has_heading = False

    def line(self, figure, value, required, is_met):
        """`is_met` is None for a figure that nothing is required of."""
        if not self.has_heading:
            print("\nA cluster of two workers on this machine\n\n"
                  "| figure | value | required | |\n|---|---|---|---|")
            self.has_heading = True
        verdict = {True: "ok", False: "MISS", None: ""}[is_met]
        self.missed += is_met is False
        print(f"| {figure} | {value} | {required} | {verdict} |", flush=True)

    def invalid(self, figure, why):
        self.is_valid = False
        self.line(figure, "INVALID", str(why).replace("\n", " ")[:300], None)

    def keep(self, figure, side, values):
        self.runs.append({"workload": figure, "side": side, "valid": True, "values": values})

    def write_json(self, file):
        path = pathlib.Path(file)
        runs = json.loads(path.read_text()) if path.exists() else []
        path.write_text("[\n" + ",\n".join(f"  {json.dumps(r)}" for r in runs + self.runs) + "\n]\n")


class Result:
    """What the processes of one run have written, as a whole."""

    def __init__(self, folder):
        ends = [[int(word) for word in path.read_text().split()] for path in folder.glob("*.end")]
        self.first_ns = min(end[0] for end in ends if end[0] > 0)
        self.seconds = (max(end[1] for end in ends) - self.first_ns) / 1e9
        self.tally = (sum(end[2] for end in ends), sum(end[3] for end in ends) % 2**64)
        self.cpu_ns = sum(end[4] for end in ends)
        self.latencies = array.array("I")
        for path in folder.glob("*.latencies"):
            self.latencies.frombytes(path.read_bytes())


class Bench:
    """One run of the benchmark: what was asked for, and a folder that goes away at the end."""

    def __init__(self, programs, args, folder, report):
        self.weir, self.program = programs / "weir", programs / "cluster_job"
        self.folder, self.report, self.is_quick = folder, report, args.quick
        self.times = 3 if args.quick else 5
        self.folders = 0

    def new_folder(self, name):
        self.folders += 1
        made = self.folder / f"{self.folders}-{name}"
        made.mkdir()
        return made

    @contextlib.contextmanager
    def cluster(self, settings=()):
        folder = self.new_folder("cluster")
        cluster = cluster_chaos.Cluster(self.weir, folder, 2, 1, settings)
        try:
            yield cluster
        finally:
            try:
                cluster.down()
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def words(self, workload, figures, options):
        words = [f"--workload={workload}", f"--figures={figures}"]
        return words + [f"--{name}={value}" for name, value in options.items()]

    def submit(self, cluster, workload, figures, **options):
        named = {name.replace("_", "-"): value for name, value in options.items()}
        return cluster.submit(self.program, workload, 2, *self.words(workload, figures, named))

    def run_on(self, cluster, workload, in_between=None, **options):
        """A job from start to end; `in_between(figures)` is called once it has been submitted."""
        figures = self.new_folder(workload)
        job = self.submit(cluster, workload, figures, **options)
        if in_between is not None:
            in_between(figures)
        await_files(figures, "*.end", 2, cluster, job)
        info = cluster_chaos.await_end(cluster, job, 60)
        if info["restarts"] != 0:
            raise ClusterFailure(f"{job} was restarted: {info['last_failure']}")
        return Result(figures)

    def run_embedded(self, workload, **options):
        figures = self.new_folder(workload)
        state = self.new_folder("state")
        named = {name.replace("_", "-"): value for name, value in options.items()}
        subprocess.run([self.program, "--parallelism=2", f"--state-dir={state}", "--quiet",
                        *self.words(workload, figures, named)], check=True, timeout=600)
        shutil.rmtree(state)
        return Result(figures)


def has_gone_wrong(info):
    if info is None:
        return False
    return info["restarts"] != 0 or (info["is_over"] and info["state"].lower() != "finished")


def await_files(figures, pattern, count, cluster, job, patience=300):
    """Looks for files only, as asking the coordinator would take time from the job."""
    deadline = time.monotonic() + patience
    ask_at = time.monotonic() + 5
    while len(found := list(figures.glob(pattern))) < count:
        now = time.monotonic()
        if now > ask_at:
            ask_at = now + 5
            info = cluster.info(job)
            if has_gone_wrong(info):
                raise ClusterFailure(f"{job} is {info['state']}: {info['last_failure']}")
        if now > deadline:
            raise ClusterFailure(f"{job} is not done within {patience} s")
        time.sleep(0.01)
    return found


# --- throughput ----------------------------------------------------------------------------------

MEMORY = {"state_backend": "memory"}  # on both sides, with a checkpoint every second


def compare(bench, name, required, records, base, tested, kept=("base", "tested")):
    """Median throughput of `tested` against that of `base`, run in turns."""
    bases, testeds = [], []
    for _ in range(bench.times):
        bases.append(base())
        testeds.append(tested())
    for side, results in zip(kept, (bases, testeds)):
        for result in results:
            bench.report.keep(name, side, [result.seconds, *result.tally, result.cpu_ns])
    if len({result.tally for result in bases + testeds}) != 1:
        bench.report.invalid(name, "the results differ")
        return
    base_speed, speed = (records / statistics.median(r.seconds for r in side) / 1e6
                         for side in (bases, testeds))
    base_cpu, cpu = (statistics.median(r.cpu_ns for r in side) / records
                     for side in (bases, testeds))
    ratio = speed / base_speed
    bench.report.line(name, f"{ratio:.2f} ({speed:.1f} of {base_speed:.1f} M/s; CPU {cpu:.1f} "
                      f"against {base_cpu:.1f} ns/record)", f">= {required}", ratio >= required)


def against_embedded(bench, name, required, workload, **options):
    with bench.cluster() as cluster:
        compare(bench, name, required, options["records"],
                lambda: bench.run_embedded(workload, **MEMORY, **options),
                lambda: bench.run_on(cluster, workload, **MEMORY, **options),
                ("embedded", "cluster"))


def ads(bench, name):
    against_embedded(bench, name, 0.8, "ads", records=500_000_000 if bench.is_quick else 1_500_000_000)


def exchange(bench, name):
    against_embedded(bench, name, 0.5, "exchange", keys=10_000,
                     records=100_000_000 if bench.is_quick else 300_000_000)


def coordinator_restart(bench, name):
    records = 150_000_000 if bench.is_quick else 400_000_000
    options = {"keys": 10_000, "records": records, **MEMORY}
    seconds = []  # of the runs that nothing happens to

    with bench.cluster() as cluster:
        def calm():
            result = bench.run_on(cluster, "exchange", **options)
            seconds.append(result.seconds)
            return result

        def restart_half_way(figures):
            first = await_that(lambda: list(figures.glob("*.first")), "a first record")[0]
            half = int(first.read_text()) / 1e9 + statistics.median(seconds) / 2
            await_that(lambda: time.monotonic() >= half, "half of the run")
            pid = cluster.daemons["coordinator"]
            os.kill(pid, signal.SIGKILL)
            cluster.await_death(pid)
            cluster.start_daemon("coordinator")
            if list(figures.glob("*.end")):
                raise ClusterFailure("the job had ended before the coordinator was killed")

        def disturbed():
            return bench.run_on(cluster, "exchange", restart_half_way, **options)
        compare(bench, name, 0.97, records, calm, disturbed, ("calm", "restarted"))


# --- latency and starting ------------------------------------------------------------------------

def latency(bench, name):
    # Input comes in pieces, as from a socket: a spout that looks at the clock for each record has a
    # worker wake up 50,000 times a second. The wait for the next piece counts.
    with bench.cluster() as cluster:
        p99, text = latencies_of(bench, cluster, name, bench.times, 500)
        bench.report.line(name, text, "p99 < 5 ms", p99 < 5)
        name += ", a wake-up per record"
        bench.report.line(name, latencies_of(bench, cluster, name, 1, 0)[1], "", None)


def latencies_of(bench, cluster, name, times, pause_us):
    """The median p99 in milliseconds, and all quantiles as a text."""
    rate, seconds = 100_000, 5 if bench.is_quick else 10
    quantiles = []
    for _ in range(times):
        result = bench.run_on(cluster, "latency", rate=rate, keys=10_000, pause_us=pause_us,
                              records=rate * (seconds + 1))
        sorted_ns = sorted(result.latencies)
        if len(sorted_ns) < rate * seconds / 4:
            raise ClusterFailure(f"only {len(sorted_ns)} records passed between the workers")
        quantiles.append([sorted_ns[int(len(sorted_ns) * q)] / 1e6 for q in (0.5, 0.99, 0.999)])
        bench.report.keep(name, "tested", quantiles[-1])
    p50, p99, p999 = (statistics.median(of) for of in zip(*quantiles))
    return p99, f"p50 {p50:.2f}, p99 {p99:.2f}, p99.9 {p999:.2f} ms"


def submit(bench, name):
    seconds = []
    with bench.cluster() as cluster:
        for _ in range(5):
            figures = bench.new_folder("submit")
            began = time.monotonic_ns()
            job = bench.submit(cluster, "ads", figures, records=2_000_000)
            await_files(figures, "*.end", 2, cluster, job)
            seconds.append((Result(figures).first_ns - began) / 1e9)
            cluster_chaos.await_end(cluster, job, 60)
            bench.report.keep(name, "tested", [seconds[-1]])
    median = statistics.median(seconds)
    bench.report.line(name, f"{median:.2f} s ({seconds[0]:.2f} s with the program's upload)", "< 1 s",
                      median < 1)


# --- state ---------------------------------------------------------------------------------------

class Manifests:
    """The checkpoints of a job as they become complete: name to bytes of their files."""

    def __init__(self, cluster, job):
        self.folder = cluster.folder / "jobs" / job / "state" / "checkpoints"
        self.newest = ""

    def next(self):
        return await_that(self.look, "a checkpoint", 120)

    def look(self):
        """Those that are older than the newest are not asked for: two at least are kept."""
        for path in sorted(self.folder.glob("*/manifest.json")):
            if path.parent.name <= self.newest:
                continue
            try:
                text = path.read_bytes()
            except FileNotFoundError:
                continue
            self.newest = path.parent.name
            files = {f["name"]: f["bytes"] for task in json.loads(text)["tasks"]
                     for f in task["rows"]["files"]}
            return {**files, f"manifest {self.newest}": len(text)}
        return None


def await_filled(cluster, job, keys):
    """The first checkpoint whose barrier came after all keys, and the watch over the next ones."""
    def is_filled():
        info = cluster.info(job)
        if has_gone_wrong(info):
            raise ClusterFailure(f"{job} is {info['state']}: {info['last_failure']}")
        return info is not None and info["records_read"] >= keys
    await_that(is_filled, "all keys", 300)
    manifests = Manifests(cluster, job)
    while manifests.look() is not None:
        pass
    manifests.next()  # may have been under way
    return manifests.next(), manifests


def recovery(bench, name):
    keys, seconds, chance = 100 * MIB // STATE_OF_A_KEY, [], random.Random(1)
    # Each kill is the first failure, whose delay does not double.
    with bench.cluster(["restart.quiet=1s"]) as cluster:
        figures = bench.new_folder("recovery")
        job = bench.submit(cluster, "keep", figures, keys=keys, rate=5_000,
                           state_backend="rocksdb")
        files, _ = await_filled(cluster, job, keys)
        if sum(files.values()) < 100 * MIB:
            raise ClusterFailure(f"the state has only {sum(files.values())} bytes")
        for turn in range(5 if bench.is_quick else 20):
            seconds.append(recover(cluster, job, figures, turn, chance))
            bench.report.keep(name, "tested", [seconds[-1]])
        cluster.ask("cancel", job)
    median, late = statistics.median(seconds), sorted(seconds)[int(len(seconds) * 0.95) - 1]
    late = max(seconds) if len(seconds) < 20 else late
    bench.report.line(name, f"median {median:.2f} s, 95 % {late:.2f} s, longest {max(seconds):.2f} s",
                      "median <= 2 s, 95 % <= 5 s", median <= 2 and late <= 5)


def recover(cluster, job, figures, turn, chance):
    """Kills a worker at some moment of a quiet run; the seconds to the new attempt's output."""
    def quiet():
        info = cluster.info(job)
        is_well = info is not None and info["state"].lower() == "running"
        pids = [w["pid"] for w in info["workers"] if w["pid"] > 0] if is_well else []
        return len(pids) == 2 and info["checkpoints"]["complete"] >= 2 and pids
    pids = await_that(quiet, "a running job with two checkpoints")
    time.sleep(1 + chance.random())  # beyond restart.quiet, anywhere between two checkpoints
    known = set(figures.glob("*.output"))
    killed_ns = time.monotonic_ns()
    os.kill(pids[turn % 2], signal.SIGKILL)
    new = await_that(lambda: set(figures.glob("*.output")) - known, "a new attempt", 60)
    return (min(int(path.read_text()) for path in new) - killed_ns) / 1e9


def incremental(bench, name):
    keys = (128 if bench.is_quick else 1024) * MIB // STATE_OF_A_KEY // 200 * 200
    shares = []
    with bench.cluster() as cluster:
        job = bench.submit(cluster, "rounds", bench.new_folder("rounds"), keys=keys,
                           state_backend="rocksdb")
        files, manifests = await_filled(cluster, job, keys)
        whole = sum(files.values())
        for _ in range(5 if bench.is_quick else 10):
            before, files = files, manifests.next()
            new = sum(size for file, size in files.items() if file not in before)
            shares.append(100 * new / whole)
            bench.report.keep(name, "tested", [new, whole])
        cluster.ask("cancel", job)
    median = statistics.median(shares)
    bench.report.line(name, f"{median:.2f} % of {whole / MIB:.0f} MiB (mean "
                      f"{statistics.mean(shares):.2f} %, most {max(shares):.2f} %)", "<= 2 %",
                      median <= 2)


# --- doing nothing -------------------------------------------------------------------------------

def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measure_idle(bench, name, pids):
    """CPU of each process by its role, over some seconds in which nobody asks for anything."""
    seconds = 5 if bench.is_quick else 10
    before = {pid: cpu_seconds(pid) for _, pid in pids}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    shares = {}
    for role, pid in pids:
        share = 100 * (cpu_seconds(pid) - before[pid]) / took
        shares[role] = max(share, shares.get(role, 0))
        bench.report.keep(f"{name}, {role}", "tested", [share])
    bench.report.line(name, ", ".join(f"{role} {share:.1f} %" for role, share in shares.items()),
                      "< 1 % each", max(shares.values()) < 1)


def idle(bench, name):
    with bench.cluster() as cluster:
        daemons = [(daemon.split()[0], pid) for daemon, pid in cluster.daemons.items()]
        measure_idle(bench, f"{name}: CPU without a job", daemons)
        figures = bench.new_folder("idle")
        job = bench.submit(cluster, "idle", figures, keys=2, rate=0.001)
        await_files(figures, "*.output", 1, cluster, job)
        workers = await_that(lambda: [w["pid"] for w in cluster.info(job)["workers"]],
                             "two workers")
        measure_idle(bench, f"{name}: CPU with an idle job",
                     daemons + [("worker", pid) for pid in workers])
        mib = resident_mib(cluster.daemons["coordinator"])
        bench.report.keep(f"{name}, memory", "tested", [mib])
        bench.report.line(f"{name}: memory of the coordinator", f"{mib:.1f} MiB", "< 50 MiB",
                          mib < 50)
        cluster.ask("cancel", job)


FIGURES = {
    "D ads, two workers against embedded": ads,
    "B 10k keys of 16 bytes, two workers against embedded": exchange,
    "latency of a keyed exchange, 100,000/s": latency,
    "recovery, 100 MiB of state": recovery,
    "coordinator restart, B with against without": coordinator_restart,
    "submit to first record": submit,
    "idle cluster": idle,
    "incremental checkpoint, 1 % changed": incremental,
}


def measure(bench, only):
    for name, figure in FIGURES.items():
        if only not in name:
            continue
        try:
            figure(bench, name)
        except (ClusterFailure, subprocess.SubprocessError) as failure:
            bench.report.invalid(name, failure)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", default="")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    report = Report()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
    try:
        measure(Bench(args.programs.resolve(), args, folder, report), args.only)
    finally:
        left = cluster_chaos.sweep_orphans(folder)
        shutil.rmtree(folder, ignore_errors=True)
    if left:
        report.invalid("processes were left over", left)
    if args.json:
        report.write_json(args.json)
    invalid = "" if report.is_valid else " Some are INVALID."
    print(f"\n{report.missed} figures miss what is required.{invalid}")
    return 0 if report.is_valid else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
