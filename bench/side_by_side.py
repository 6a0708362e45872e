#!/usr/bin/env python3
# Runs garam and another engine alternately on the same files and prints the median of the ratios. On a shared
# machine the figure of one minute says little about the next; a ratio within a minute does.
#
# Usage: side_by_side.py --garam PROGRAM --peer PROGRAM [--rounds 5] [--threads 2] MODEL.gguf...
#
# The peer is a program with two commands that print tokens per second:
#   PEER bench MODEL PROMPT GENERATE THREADS REPETITIONS    "pp256 76.5 t/s  tg32 25.1 t/s ..."
#   PEER batch MODEL SEQUENCES PROMPT GENERATE THREADS      "nseq 8 gen 46.4 t/s"
import argparse
import json
import os
import re
import statistics
import subprocess

PROMPT, GENERATE, BATCHES = 256, 32, (8, 32)


def run(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def garam(program, model, threads):
    batches = ",".join(str(n) for n in (1,) + BATCHES)
    out = run([program, "bench", "-m", model, "-p", str(PROMPT), "-n", str(GENERATE), "-b", batches,
               "-t", str(threads), "-r", "3", "-o", "json"])
    report = json.loads(out)
    return {r["test"]: r["tokens_per_second"] for r in report["results"]}, report


def peer(program, model, threads):
    out = run([program, "bench", model, str(PROMPT), str(GENERATE), str(threads), "3"])
    speeds = {test: float(speed) for test, speed in re.findall(r"\b((?:pp|tg)\d+) ([\d.]+) t/s", out)}
    for n in BATCHES:
        out = run([program, "batch", model, str(n), "16", str(GENERATE), str(threads)])
        speeds[f"tg{GENERATE}@{n}"] = float(re.search(r"gen ([\d.]+) t/s", out).group(1))
    return speeds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--garam", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    print("| model | test | garam | peer | ratio, median (lowest to highest) |")
    print("| --- | --- | ---: | ---: | ---: |")
    for model in options.models:
        ours, theirs = [], []
        for _ in range(options.rounds):
            speeds, _report = garam(options.garam, model, options.threads)
            ours.append(speeds)
            theirs.append(peer(options.peer, model, options.threads))
        for test in ours[0]:
            ratios = sorted(a[test] / b[test] for a, b in zip(ours, theirs))
            print(f"| {os.path.basename(model)} | {test} | {statistics.median(a[test] for a in ours):.1f}"
                  f" | {statistics.median(b[test] for b in theirs):.1f}"
                  f" | {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |", flush=True)


if __name__ == "__main__":
    main()
