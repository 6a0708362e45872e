#!/usr/bin/env bash
# Builds garam inside another project, as a shared library and unoptimised (it is a test of the build, so it
# should be quick), runs a consumer, then installs that shared library and consumes it too.
# Usage: subproject.sh SOURCE_DIR WORK_DIR COMPILER VERSION.
set -euo pipefail
source=$1 work=$2 compiler=$3 version=$4
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)

cmake -S "$here/add_subdirectory" -B "$work/build" -DGARAM_SOURCE="$source" -DCMAKE_CXX_COMPILER="$compiler" \
  -DBUILD_SHARED_LIBS=ON -DGARAM_INSTALL=ON -DGARAM_PCH=ON -DCMAKE_BUILD_TYPE= -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
  > "$work/configure.log"
grep -q 'march=native' "$work/build/compile_commands.json" && { echo "-march=native without being asked"; exit 1; }
if [[ -z ${GARAM_TEST_SUBPROJECT:-} ]]; then
  echo "SKIPPED: configured and checked, not built: the whole library once more takes minutes (GARAM_TEST_SUBPROJECT=1)"
  exit 77
fi
cmake --build "$work/build" --parallel "$(nproc)" > "$work/build.log" || { tail -n 30 "$work/build.log"; exit 1; }
output=$("$work/build/consumer")
echo "$output"
[[ $output == "garam $version: "* ]]

"$here/installed.sh" "$work/build" "$work/shared" "$compiler" "$version"
find "$work/shared/prefix" -name 'libgaram.so*' | grep . || { echo "no shared library"; exit 1; }
