"""The second act of scripts/demo: the flights job on a local cluster, one worker killed half way.

usage: cluster_act.py PROGRAMS_FOLDER OUTPUT_FOLDER EXPECTED_FOLDER [FLIGHTS-ARGUMENT...]

Starts a cluster of two workers in OUTPUT_FOLDER, kills one of them with SIGKILL when half of the
records are read, waits for the end and compares what was committed with EXPECTED_FOLDER.
"""
import os
import pathlib
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
import cluster_chaos  # noqa: E402

RATE = 2500  # records per second, so that there is something to see


def committed(folder):
    lines = []
    for path in pathlib.Path(folder).glob("*.csv"):
        lines += path.read_bytes().splitlines()
    return sorted(lines)


def show(text):
    print(f"  {text}", flush=True)


def records_of(path):
    with open(path, "rb") as lines:
        return sum(1 for _ in lines) - 1


def run(cluster, programs, output, arguments):
    job = cluster.submit(programs / "flights", "flights", 2, *arguments, "--output",
                         str(output / "report"), f"--max-rate={RATE}", "--show-windows=false")
    show(f"submitted {job}")
    half = records_of("examples/flights/data/flights-sample.csv") // 2
    killed = None
    while True:
        info = cluster.info(job)
        if info is None:
            time.sleep(0.1)
            continue
        if killed is None and info["records_read"] >= half and len(info["workers"]) == 2:
            killed = info["workers"][1]
            os.kill(killed["pid"], signal.SIGKILL)
            show(f"{info['records_read']:,} records read; killing worker {killed['worker']} "
                 f"(process {killed['pid']}) with SIGKILL")
        if info["is_over"]:
            break
        time.sleep(0.1)
    if killed is None:
        sys.exit("  the job ended before a worker could be killed")
    show(f"{info['state']} after {info['restarts']} restart, {info['records_read']:,} records read "
         "by the last attempt")
    if info["state"].lower() != "finished":
        sys.exit(f"  the job did not finish: {info['last_failure']}")


def main(programs, output, expected, *arguments):
    output = pathlib.Path(output).resolve()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    cluster = cluster_chaos.Cluster(pathlib.Path(programs) / "weir", output / "cluster", 2, 1)
    show(f"a coordinator and two workers at {cluster.address}")
    try:
        run(cluster, pathlib.Path(programs).resolve(), output, arguments)
    finally:
        cluster.down()
    want, got = committed(expected), committed(output / "report")
    if want != got:
        sys.exit(f"  the results differ: {len(want)} lines embedded, {len(got)} on the cluster")
    show(f"{len(got):,} lines committed, the same as embedded, byte for byte")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except cluster_chaos.ClusterFailure as failure:
        sys.exit(f"  {failure}")
