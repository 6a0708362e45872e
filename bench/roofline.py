#!/usr/bin/env python3
# Draws the products that garam-bench measured into a roofline picture: operations per byte of weights to the
# right, operations per second upwards, both logarithmic, under the two limits that were measured beside them.
#
# Usage: garam-bench --benchmark_filter='matmul/avx2/' --benchmark_out=result.json --benchmark_out_format=json
#        roofline.py result.json picture.svg
import json
import math
import re
import statistics
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 900, 560, 70, 50, 40, 150
COLOURS = ["#1b6ca8", "#c0392b", "#27ae60", "#8e44ad", "#d35400", "#16a085", "#7f8c8d", "#2c3e50",
           "#b8860b", "#e84393", "#0984e3", "#6c5ce7", "#00b894", "#fd7e14", "#a0522d", "#d63031"]


def points_of(report):
    """Of each benchmark the median over repetitions: (set, format, rows) -> operations/s, bytes/s, limits."""
    found = {}
    for entry in report["benchmarks"]:
        match = re.match(r"matmul/(\w+)/(\w+)/k:\d+/rows:(\d+)", entry["name"])
        if not match or entry.get("run_type") == "aggregate" or "op/s" not in entry:
            continue
        key = (match.group(1), match.group(2), int(match.group(3)))
        found.setdefault(key, []).append(entry)
    return {key: {name: statistics.median(e[name] for e in entries)
                  for name in ("op/s", "bytes/s", "of_peak", "of_read")}
            for key, entries in found.items()}


def ticks(low, high):
    power = math.floor(math.log10(low))
    while 10 ** power <= high:
        for step in (1, 2, 5):
            if low <= step * 10 ** power <= high:
                yield step * 10 ** power
        power += 1


def text(x, y, content, anchor="middle", size=12, colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{content}</text>'


def draw(points, title):
    intensity = {key: p["op/s"] / p["bytes/s"] for key, p in points.items()}
    x_low, x_high = min(intensity.values()) / 1.5, max(intensity.values()) * 1.5
    read = statistics.median(p["bytes/s"] / p["of_read"] for p in points.values())
    # The limit of arithmetic differs: f32, bf16, integers.
    peaks = {key: p["op/s"] / p["of_peak"] for key, p in points.items()}
    y_low, y_high = min(p["op/s"] for p in points.values()) / 2, max(peaks.values()) * 1.6

    def x_of(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / x_low) / math.log(x_high / x_low)

    def y_of(value):
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * math.log(value / y_low) / math.log(y_high / y_low)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', text(WIDTH / 2, 22, title, size=15)]
    for tick in ticks(x_low, x_high):
        out.append(f'<path d="M{x_of(tick):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        out.append(text(x_of(tick), HEIGHT - BOTTOM + 16, f"{tick:g}"))
    for tick in ticks(y_low / 1e9, y_high / 1e9):
        out.append(f'<path d="M{LEFT} {y_of(tick * 1e9):.1f}H{WIDTH - RIGHT}" stroke="#eee"/>')
        out.append(text(LEFT - 6, y_of(tick * 1e9) + 4, f"{tick:g}", "end"))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "operations per byte of weights"))
    out.append(text(16, TOP - 12, "GOP/s", "start"))

    formats = list(dict.fromkeys(key[1] for key in points))
    families = {"f32": ("f32", "f16"), "bf16": ("bf16",)}
    families["integers"] = tuple(f for f in formats if f not in ("f32", "f16", "bf16"))
    for name, members in families.items():
        own = [peak for key, peak in peaks.items() if key[1] in members]
        if not own:
            continue
        peak = statistics.median(own)
        knee = max(x_low, peak / read)
        out.append(f'<path d="M{x_of(knee):.1f} {y_of(peak):.1f}H{WIDTH - RIGHT}" stroke="#888" stroke-dasharray="6 3"/>')
        out.append(text(WIDTH - RIGHT - 4, y_of(peak) - 5, f"{name} {peak / 1e9:.0f} GOP/s", "end", 11, "#666"))
    top = max(peaks.values())
    out.append(f'<path d="M{x_of(x_low):.1f} {y_of(max(y_low, x_low * read)):.1f}L{x_of(min(x_high, top / read)):.1f} '
               f'{y_of(min(top, x_high * read)):.1f}" stroke="#888" stroke-dasharray="6 3"/>')
    out.append(text(x_of(x_low) + 8, y_of(max(y_low, x_low * read)) - 14, f"reading {read / 1e9:.1f} GB/s", "start", 11, "#666"))

    for number, name in enumerate(formats):
        colour = COLOURS[number % len(COLOURS)]
        own = sorted((intensity[key], points[key]["op/s"]) for key in points if key[1] == name)
        path = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in own)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
        out.extend(f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in own)
        y = TOP + 16 + 18 * number
        out.append(f'<circle cx="{WIDTH - RIGHT + 20}" cy="{y - 4}" r="4" fill="{colour}"/>')
        out.append(text(WIDTH - RIGHT + 30, y, name, "start"))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: roofline.py RESULT.json PICTURE.svg")
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    points = points_of(report)
    if not points:
        sys.exit(f"{sys.argv[1]}: expected benchmarks named matmul/..., found none with operations per second")
    sets = list(dict.fromkeys(key[0] for key in points))
    context = report.get("context", {})
    title = f'{", ".join(sets)} on {context.get("cpu", "?")}, {context.get("workers", "?")} threads'
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(points, title))


if __name__ == "__main__":
    main()
