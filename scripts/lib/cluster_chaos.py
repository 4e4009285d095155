"""The cluster part of scripts/chaos: a job on a local cluster of real processes, hit by faults.

Faults are drawn from a seed: SIGKILL of a worker, a supervisor or the coordinator (daemons are
started again with the same command), SIGSTOP of one of them for a while. A fault counts only if the
process was really there and the job had not ended. Used by scripts/chaos; not run by itself.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import time


class ClusterFailure(Exception):
    """The cluster did something that it must not do."""


def is_alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in ("Z", "X")


class Cluster:
    """`weir up` in a folder of its own, and what chaos needs to know about its processes."""

    def __init__(self, weir, folder, workers, slots):
        self.weir, self.folder = str(weir), pathlib.Path(folder)
        out = self.run("up", "--dir", str(folder), "--workers", str(workers), "--slots", str(slots),
                       "--port", "0", "--json")
        ready = json.loads(out)
        self.address = ready["coordinator"]
        self.daemons = {daemon["name"]: daemon["pid"] for daemon in ready["daemons"]}
        self.slots = slots
        self.restarted = []

    def run(self, *words, patience=60):
        done = subprocess.run([self.weir, *words], capture_output=True, text=True, timeout=patience)
        if done.returncode != 0:
            raise ClusterFailure(f"weir {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def ask(self, verb, *words):
        return json.loads(self.run(verb, "-m", self.address, "--json", *words))

    def submit(self, program, name, parallelism, *arguments):
        return self.ask("submit", str(program), "--name", name, "-p", str(parallelism), "--",
                        *arguments)["job"]

    def info(self, job):
        """None while the coordinator is away."""
        try:
            return self.ask("info", job)
        except (ClusterFailure, subprocess.TimeoutExpired, ValueError):
            return None

    def start_daemon(self, name):
        """The same command as before, since its process was killed."""
        if name == "coordinator":
            words = ["coordinator", "--dir", str(self.folder), "--port",
                     self.address.rsplit(":", 1)[1]]
            log = self.folder / "coordinator.log"
        else:
            short = name.split()[-1]
            words = ["supervisor", "--name", short, "--slots", str(self.slots), "--dir",
                     str(self.folder), "-m", self.address]
            log = self.folder / "supervisors" / short / "supervisor.log"
        with open(log, "ab") as out:
            process = subprocess.Popen([self.weir, *words], stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        self.restarted.append(process)
        self.daemons[name] = process.pid

    def down(self):
        try:
            self.run("down", "--dir", str(self.folder))
        finally:
            for pid in self.daemons.values():
                if is_alive(pid):
                    os.kill(pid, signal.SIGKILL)
            for process in self.restarted:
                process.wait()


class Storm:
    """Faults against one job, until there were enough of them."""

    PAUSES = (1, 1, 3, 20)  # seconds; the longest is beyond every lease

    def __init__(self, cluster, job, seed, say):
        self.cluster, self.job, self.say = cluster, job, say
        self.chance = random.Random(seed)
        self.counts = {}

    def total(self):
        return sum(self.counts.values())

    def victims(self):
        info = self.cluster.info(self.job)
        found = [(f"worker", worker["pid"]) for worker in (info or {}).get("workers", [])
                 if worker["pid"] > 0 and is_alive(worker["pid"])]
        found += [(name, pid) for name, pid in self.cluster.daemons.items() if is_alive(pid)]
        return found

    def strike(self):
        """One fault; False if there was nobody to hit."""
        kinds = self.victims()
        workers = [v for v in kinds if v[0] == "worker"]
        # Half of the faults hit workers, since these hold the state.
        pool = workers if workers and self.chance.random() < 0.5 else kinds
        if not pool:
            return False
        name, pid = self.chance.choice(pool)
        kind = name.split()[0]
        try:
            if self.chance.random() < 0.7:
                os.kill(pid, signal.SIGKILL)
                self.note(f"kill {kind}")
                if kind != "worker":
                    self.await_death(pid)
                    self.cluster.start_daemon(name)
            else:
                seconds = self.chance.choice(self.PAUSES)
                os.kill(pid, signal.SIGSTOP)
                self.note(f"pause {kind}")
                time.sleep(seconds)
                if is_alive(pid):
                    os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return False
        return True

    def await_death(self, pid):
        for process in self.cluster.restarted:
            if process.pid == pid:
                process.wait()
        deadline = time.monotonic() + 10
        while is_alive(pid):
            if time.monotonic() > deadline:
                raise ClusterFailure(f"process {pid} survives SIGKILL")
            time.sleep(0.01)

    def note(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def rage(self, seconds, least):
        """Strikes at random moments for so long, and until there were `least` faults."""
        began = time.monotonic()
        while time.monotonic() - began < seconds or self.total() < least:
            time.sleep(self.chance.uniform(0.3, 3.0))
            info = self.cluster.info(self.job)
            if info is not None and info["is_over"]:
                raise ClusterFailure(
                    f"the job is {info['state']} after {self.total()} faults, while it should run; "
                    f"{info['last_failure']}")
            self.strike()
            if time.monotonic() - began > 3 * seconds + 60:
                raise ClusterFailure(f"only {self.total()} faults in {3 * seconds + 60:.0f} s")


def await_end(cluster, job, patience):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        info = cluster.info(job)
        if info is not None and info["is_over"]:
            if info["state"].lower() != "finished":
                raise ClusterFailure(f"the job is {info['state']}: {info['last_failure']}")
            return info
        time.sleep(0.2)
    raise ClusterFailure(f"the job has not ended within {patience} s: {cluster.info(job)}")


def orphans(folder):
    """Processes whose command line or environment names the folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words and is_alive(int(entry.name)):
            found.append(int(entry.name))
    return found
