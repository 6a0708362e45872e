# Shared by .ci/run and .ci/full. Sourced with the repository's root as working directory.
set -euo pipefail
export CI=true DEBIAN_FRONTEND=noninteractive GARAM_WERROR=ON
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(nproc)}
logs=build/ci-logs
mkdir -p "$logs"

step() {
  printf '\n== %s (%s s)\n' "$*" "$SECONDS"
}

# Installs Debian packages that are not there yet. Without root and without sudo it says what is missing.
install_packages() {
  local missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2> /dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  local root=()
  if [[ $(id -u) -ne 0 ]]; then
    root=(sudo)
  fi
  "${root[@]}" apt-get update -qq
  "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" > "$logs/apt.log" 2>&1 ||
    { tail -n 20 "$logs/apt.log"; return 1; }
}

# The packages of the README's install line: what a newcomer is told to install is what CI runs with.
readme_packages() {
  sed -nE 's/^sudo apt-get install -y (.*)$/\1/p' README.md | head -n 1
}

# Prints the tests that a ctest log says did not run; fails unless they are those expected. A line of the
# list is a test that must be skipped, or "? REGEX" for tests that may be (a CPU without an instruction set).
check_skips() {
  local log=$1 list=.ci/expected-skips-with-shared
  [[ -d ${GARAM_SHARED:-../shared} ]] || list=.ci/expected-skips-without-shared
  local skipped must may
  skipped=$(sed -nE 's/^[[:space:]]*[0-9]+ - (.+) \((Skipped|Disabled|Not Run)\)$/\1/p' "$log" | sort)
  must=$(grep -vE '^(#|\?|$)' "$list" | sort || true)
  may=$(sed -nE 's/^\? (.*)/\1/p' "$list" | paste -sd'|')
  echo "skipped tests, expected by $list:"
  sed 's/^/  /' <<< "${skipped:-none}"
  local wrong
  wrong=$(comm -3 <(grep -vxE "${may:-$^}" <<< "$skipped" | grep . || true) <(grep . <<< "$must" || true))
  if [[ -n $wrong ]]; then
    printf 'not as expected (left: skipped and should not be, right: not skipped and should be):\n%s\n' "$wrong"
    return 1
  fi
}

# The closing lines of a ctest log.
summary() {
  grep -E 'tests passed|tests failed|^Total Test time' "$1"
}

# Configures, builds and tests a preset.
check_preset() {
  cmake --preset "$1" > "$logs/$1.configure.log"
  cmake --build --preset "$1" > "$logs/$1.build.log" || { tail -n 50 "$logs/$1.build.log"; return 1; }
  ctest --preset "$1" > "$logs/$1.test.log" || { tail -n 200 "$logs/$1.test.log"; return 1; }
  # Sanitized tests run many in a process (tests/CMakeLists.txt), which tells ctest of no skips.
  [[ $1 == *san ]] || check_skips "$logs/$1.test.log"
  summary "$logs/$1.test.log"
}
