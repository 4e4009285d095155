"""The cluster part of scripts/chaos: a job on a cluster of real processes, hit by faults.

Faults are drawn from a seed: SIGKILL of a worker, a supervisor or the coordinator (daemons are
started again with the same command), SIGSTOP of one of them for a while, a cut between two hosts in
one direction or both, a full disk. Several may be under way at once. A fault counts only if it could
strike: the process was really there, and the job had not ended. Not run by itself.
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


def is_worker(pid, name):
    try:
        words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"WEIR_WORKER={name}".encode() in words and is_alive(pid)


class Cluster:
    """`weir up` in a folder of its own, and what chaos needs to know about its processes.

    `settings` are of the form "section.key=value"."""

    def __init__(self, weir, folder, workers, slots, settings=()):
        self.weir, self.folder = str(weir), pathlib.Path(folder)
        self.slots = slots
        self.settings = [word for setting in settings for word in ("-D", setting)]
        self.restarted = []
        self.daemons = {}
        try:
            self.start(workers)
        except BaseException:
            self.kill_daemons()
            raise

    def start(self, workers):
        out = self.run("up", "--dir", str(self.folder), "--workers", str(workers), "--slots",
                       str(self.slots), "--port", "0", "--json", *self.settings)
        ready = json.loads(out)
        self.address = ready["coordinator"]
        self.daemons = {daemon["name"]: daemon["pid"] for daemon in ready["daemons"]}

    def words_before(self, _daemon):
        """What a command needs in front of it to run where that daemon does."""
        return []

    def run(self, *words, patience=60):
        done = subprocess.run([*self.words_before("coordinator"), self.weir, *words],
                              capture_output=True, text=True, timeout=patience)
        if done.returncode != 0:
            raise ClusterFailure(f"weir {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def ask(self, verb, *words, patience=60):
        return json.loads(self.run(verb, "-m", self.address, "--json", *words, patience=patience))

    def submit(self, program, name, parallelism, *arguments):
        return self.ask("submit", str(program), "--name", name, "-p", str(parallelism), "--",
                        *arguments)["job"]

    def info(self, job):
        """None while the coordinator is away."""
        try:
            return self.ask("info", job, patience=5)
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
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as out:
            process = subprocess.Popen([*self.words_before(name), self.weir, *words,
                                        *self.settings], stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        self.restarted.append(process)
        self.daemons[name] = process.pid

    def await_death(self, pid):
        for process in self.restarted:
            if process.pid == pid:
                process.wait()
        deadline = time.monotonic() + 10
        while is_alive(pid):
            if time.monotonic() > deadline:
                raise ClusterFailure(f"process {pid} survives SIGKILL")
            time.sleep(0.01)

    def revive(self):
        """Starts again what could not start, or has ended by itself: on a full disk, say."""
        for process in self.restarted:
            process.poll()
        for name, pid in list(self.daemons.items()):
            if not is_alive(pid):
                self.start_daemon(name)

    def end(self):
        self.run("down", "--dir", str(self.folder))

    def down(self):
        try:
            self.end()
        finally:
            self.kill_daemons()

    def kill_daemons(self):
        for pid in self.daemons.values():
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        for process in self.restarted:
            process.wait()


class HostedCluster(Cluster):
    """A coordinator on host 1 and a supervisor on each host of chaos_hosts.Hosts."""

    def __init__(self, weir, folder, hosts, slots):
        self.hosts = hosts
        super().__init__(weir, folder, len(hosts.numbers), slots)

    def host_of(self, daemon):
        return 1 if daemon == "coordinator" else int(daemon.split()[-1].lstrip("s"))

    def words_before(self, daemon):
        return self.hosts.inside(self.host_of(daemon))

    def start(self, workers):
        self.address = f"127.0.0.1:{self.hosts.first_port(1) + 7}"
        self.start_daemon("coordinator")
        for number in range(1, workers + 1):
            self.start_daemon(f"supervisor s{number}")
        deadline = time.monotonic() + 30
        while self.supervisors() < workers:
            if time.monotonic() > deadline:
                raise ClusterFailure("the cluster is not ready within 30 s")
            time.sleep(0.1)

    def supervisors(self):
        try:
            found = self.ask("list", patience=5)["cluster"]["supervisors"]
            return sum(1 for supervisor in found if supervisor["is_alive"])
        except (ClusterFailure, subprocess.TimeoutExpired, ValueError):
            return 0

    def end(self):
        for pid in self.daemons.values():
            if is_alive(pid):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 15
        while any(is_alive(pid) for pid in self.daemons.values()):
            for process in self.restarted:
                process.poll()
            if time.monotonic() > deadline:
                raise ClusterFailure("a daemon does not end after SIGTERM")
            time.sleep(0.05)


class SmallDisk:
    """A file system of its own below a folder, that can be filled; needs root."""

    def __init__(self, folder, megabytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "weir-chaos",
                        str(self.folder)], check=True)
        self.ballast = self.folder / "ballast"

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(1 << 16))
            except OSError:
                pass

    def drain(self):
        self.ballast.unlink(missing_ok=True)

    def remove(self):
        subprocess.run(["umount", "-l", str(self.folder)], check=False)


class Storm:
    """Faults against one job, until there were enough of them."""

    PAUSES = (1, 1, 1, 20, 20, 120)  # seconds; the longer ones are beyond every lease
    MOST_LONG = 2                    # pauses of 120 s

    def __init__(self, cluster, job, seed, say, hosts=None, disk=None):
        self.cluster, self.job, self.say = cluster, job, say
        self.hosts, self.disk = hosts, disk
        self.chance = random.Random(seed)
        self.counts = {}
        self.ends = []  # (when, what ends a fault), for those under way
        self.workers = []
        self.is_full = False
        self.cut = set()

    def total(self):
        return sum(self.counts.values())

    def note(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def look(self):
        """Who works on the job; while the coordinator is away, who did."""
        info = self.cluster.info(self.job)
        if info is None:
            return
        if info["is_over"]:
            raise ClusterFailure(
                f"the job is {info['state']} after {self.total()} faults, while it should run; "
                f"{info['last_failure']}")
        self.workers = [(w["worker"], w["pid"]) for w in info["workers"] if w["pid"] > 0]

    def victim(self):
        workers = [("worker", pid) for name, pid in self.workers if is_worker(pid, name)]
        daemons = [(name, pid) for name, pid in self.cluster.daemons.items() if is_alive(pid)]
        # Half of the faults hit workers, since these hold the state.
        pool = workers if workers and self.chance.random() < 0.5 else workers + daemons
        return self.chance.choice(pool) if pool else None

    def kill(self):
        hit = self.victim()
        if hit is None:
            return
        name, pid = hit
        os.kill(pid, signal.SIGKILL)
        self.note(f"kill {name.split()[0]}")
        if name != "worker":
            self.cluster.await_death(pid)
            self.cluster.start_daemon(name)

    def pause(self, time_left):
        hit = self.victim()
        seconds = self.chance.choice(self.PAUSES)
        longs = sum(n for kind, n in self.counts.items() if kind.endswith("120 s"))
        if seconds == 120 and (longs == self.MOST_LONG or time_left < 130):
            seconds = 20
        if hit is None:
            return
        name, pid = hit
        os.kill(pid, signal.SIGSTOP)
        self.note(f"pause {name.split()[0]} {seconds} s")

        def wake():
            if is_alive(pid):
                os.kill(pid, signal.SIGCONT)
        self.ends.append((time.monotonic() + seconds, wake))

    def cut_hosts(self):
        a, b = self.chance.sample(list(self.hosts.numbers), 2)
        is_one_way = self.chance.random() < 0.5
        ways = [(a, b)] if is_one_way else [(a, b), (b, a)]
        if self.cut & set(ways):
            return
        self.note("one-way cut" if is_one_way else "cut")
        for way in ways:
            self.hosts.cut(*way)
        self.cut |= set(ways)

        def heal():
            for way in ways:
                self.hosts.heal(*way)
            self.cut -= set(ways)
        self.ends.append((time.monotonic() + self.chance.choice((0.5, 3, 15, 30)), heal))

    def fill_disk(self):
        if self.is_full:
            return
        self.note("disk full")
        self.is_full = True
        self.disk.fill()

        def drain():
            self.disk.drain()
            self.is_full = False
        self.ends.append((time.monotonic() + self.chance.choice((1, 4, 12)), drain))

    def strike(self, time_left):
        draw = self.chance.random()
        try:
            if self.hosts is not None and draw < 0.2:
                self.cut_hosts()
            elif self.disk is not None and draw < 0.28:
                self.fill_disk()
            elif draw < 0.7:
                self.kill()
            else:
                self.pause(time_left)
        except ProcessLookupError:
            pass

    def end_faults(self, now):
        due = [end for end in self.ends if end[0] <= now]
        self.ends = [end for end in self.ends if end[0] > now]
        for _, end in due:
            try:
                end()
            except ProcessLookupError:
                pass

    def rage(self, seconds, least):
        """Strikes at random moments for so long, and until there were `least` faults."""
        began = time.monotonic()
        told = 0
        while True:
            now = time.monotonic()
            if now - began >= seconds and self.total() >= least:
                break
            if now - began > 3 * seconds + 60:
                raise ClusterFailure(f"only {self.total()} faults in {3 * seconds + 60:.0f} s")
            if (now - began) // 60 > told:
                told = (now - began) // 60
                self.say(f"  after {told:.0f} min: {self.total()} faults")
            time.sleep(self.chance.uniform(0.3, 5.0))
            self.end_faults(time.monotonic())
            if not self.is_full:
                self.cluster.revive()
            self.look()
            self.strike(seconds - (now - began))
        self.end_faults(float("inf"))
        self.cluster.revive()


class Figures:
    """Memory and descriptors of a cluster's processes, by role: the largest of each."""

    def __init__(self, cluster, info):
        pids = [("worker", w["pid"]) for w in info["workers"]]
        pids += [(name.split()[0], pid) for name, pid in cluster.daemons.items()]
        self.of = {}
        for role, pid in pids:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            kib = next(int(line.split()[1]) for line in status.splitlines()
                       if line.startswith("VmRSS"))
            files = len(os.listdir(f"/proc/{pid}/fd"))
            known = self.of.get(role, (0, 0))
            self.of[role] = (max(known[0], kib / 1024), max(known[1], files))

    def text(self):
        return ", ".join(f"{role} {mib:.0f} MiB and {files} descriptors"
                         for role, (mib, files) in sorted(self.of.items()))

    # A worker's state lies in sorted files, each of which is open, under one budget.
    ROOM = {"worker": (64, 32), "supervisor": (8, 8), "coordinator": (16, 8)}  # MiB, descriptors

    def check_flat(self, before):
        for role, (mib, files) in self.of.items():
            was_mib, was_files = before.of[role]
            more_mib, more_files = self.ROOM[role]
            if files > was_files + more_files or mib > was_mib + more_mib:
                raise ClusterFailure(f"a {role} has grown: before {before.text()}; now {self.text()}")


def steady_figures(cluster, job, patience):
    """When the job has run for twenty seconds without a restart."""
    deadline = time.monotonic() + patience
    since, restarts = None, None
    while time.monotonic() < deadline:
        info = cluster.info(job)
        is_well = info is not None and info["state"].lower() == "running"
        if not is_well or info["restarts"] != restarts:
            since, restarts = time.monotonic(), info["restarts"] if info else None
        elif time.monotonic() - since > 20:
            return Figures(cluster, info)
        time.sleep(0.5)
    raise ClusterFailure(f"the job does not run quietly within {patience} s: {cluster.info(job)}")


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


def sweep_orphans(folder):
    """Kills what is left over; says what it was."""
    found = orphans(folder)
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return found
