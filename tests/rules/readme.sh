#!/usr/bin/env bash
# What the README shows is what the project holds: its C++ is examples/minimal.cpp, its version is that of
# version.h and CMake, the files it links to exist. Usage: readme.sh SOURCE_DIR VERSION.
set -euo pipefail
cd "$1"

# The first C++ block, without its fences.
awk '/^```cpp$/ { inside = 1; next } /^```$/ && inside { exit } inside' README.md |
  diff -u --label README.md - --label examples/minimal.cpp examples/minimal.cpp

for part in MAJOR MINOR PATCH; do
  sed -nE "s/^#define GARAM_VERSION_$part ([0-9]+)$/\1/p" include/garam/version.h
done | paste -sd. | grep -qxF "$2" || { echo "version.h is not version $2"; exit 1; }

missing=0
for file in README.md docs/*.md; do
  while IFS= read -r link; do
    [[ -e $(dirname "$file")/${link%%#*} ]] || { echo "$file links to $link, which is not there"; missing=1; }
  done < <(grep -oE '\]\([^)# ]+[^) ]*\)' "$file" | sed -E 's/^..(.*).$/\1/' | grep -vE '^[a-z]+:' || true)
done
exit $missing
