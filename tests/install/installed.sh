#!/usr/bin/env bash
# Installs a build into an empty prefix, moves the prefix (packages must be relocatable), and consumes it by
# find_package and by pkg-config. Usage: installed.sh BUILD_DIR WORK_DIR COMPILER VERSION.
set -euo pipefail
build=$1 work=$2 compiler=$3 version=$4
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)

cmake --install "$build" --prefix "$work/first" > "$work/install.log"
mv "$work/first" "$work/prefix"

# Public headers only, nothing that names the source tree, the build tree or a private dependency.
find "$work/prefix" -name '*.h' ! -path '*/include/garam/*' | grep . && { echo "unexpected headers"; exit 1; }
if grep -rnE "fmt::|$build|$work/first" "$work/prefix" --include='*.cmake' --include='*.pc'; then
  echo "the package names what it must not"
  exit 1
fi

expect() {  # output of a consumer
  echo "$1"
  [[ $1 == "garam $version: "* ]] || { echo "expected garam $version"; exit 1; }
}

cmake -S "$here/find_package" -B "$work/find_package" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF > "$work/configure.log"
cmake --build "$work/find_package" > "$work/build.log"
expect "$("$work/find_package/consumer")"
# The training component, where the build has it.
if find "$work/prefix" -name 'libgaram_train.*' | grep -q .; then
  "$work/find_package/trainer" | grep none.json
fi
# A program that asks for another minor version before 1.0 is told so.
mkdir "$work/other"
sed 's/garam 0\.1 CONFIG/garam 0.99 CONFIG/' "$here/find_package/CMakeLists.txt" > "$work/other/CMakeLists.txt"
if cmake -S "$work/other" -B "$work/other/build" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$work/prefix" > /dev/null 2>&1; then
  echo "find_package(garam 0.99) was satisfied by $version"
  exit 1
fi

pc=$(dirname "$(find "$work/prefix" -name garam.pc)")
if command -v pkg-config > /dev/null; then
  export PKG_CONFIG_PATH=$pc
  [[ $(pkg-config --modversion garam) == "$version" ]]
  # Word splitting of the flags is what every Makefile does.
  # shellcheck disable=SC2046
  "$compiler" -std=c++20 "$here/consumer.cpp" $(pkg-config --cflags --libs garam) -o "$work/by_pkg_config"
  expect "$(LD_LIBRARY_PATH=$(pkg-config --variable=libdir garam) "$work/by_pkg_config")"
else
  echo "no pkg-config: its file was not tried"
fi

if [[ -x $work/prefix/bin/garam ]]; then
  "$work/prefix/bin/garam" --version
fi
