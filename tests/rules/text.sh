#!/usr/bin/env bash
# What holds for every file: opens by saying what it is, at most 450 lines (tests may be longer), ASCII but for
# Korean where Korean is the matter, nothing left to do, no path
# of somebody's machine; and in the library no call that prints, ends the program or reads the environment.
# Usage: text.sh SOURCE_DIR. Prints every breach.
set -euo pipefail
cd "$1"

mapfile -t all < <(find .ci CMakeLists.txt CMakePresets.json README.md include src kernels tests bench examples docs \
  -type f ! -name '*.bin' ! -name '*.gguf' ! -path 'tests/fuzz/corpus/*' | sort)
mapfile -t code < <(printf '%s\n' "${all[@]}" | grep -E '\.(h|cpp)$')
mapfile -t scripts < <(printf '%s\n' "${all[@]}" | grep -E '\.(sh|cmake|py|in)$|CMakeLists\.txt$|^\.ci/(run|full)$')
mapfile -t library < <(printf '%s\n' "${code[@]}" | grep -E '^(src|kernels|include)/')

korean="^(docs/ko/|docs/model-card\.md:|README\.md:|examples/story_model/|tests/story/)"

breaches=0
rule() {  # what is wrong; the offenders are on standard input
  local line
  while IFS= read -r line; do
    echo "$1: $line"
    breaches=$((breaches + 1))
  done
}

openings() {
  local file
  for file in "${code[@]}"; do [[ $(head -c 3 "$file") == "// " ]] || echo "$file"; done
  for file in "${scripts[@]}"; do [[ $(head -c 1 "$file") == "#" ]] || echo "$file"; done
}
# A list of test cases may be long; what has to be understood may not.
long_files() { wc -l "${code[@]}" | awk '$1 > 450 && $2 !~ /^(total$|tests\/)/ { print $2 " has " $1 " lines" }'; }
in_all() { LC_ALL=C grep -nP "$1" "${all[@]}" | cut -c1-160 || true; }

# Comments and string literals are dropped first. The one getenv is the documented kernel override.
calls() {
  local words='abort|exit|_Exit|quick_exit|terminate|assert|printf|fprintf|vprintf|puts|fputs|putchar|perror'
  words+='|getenv|secure_getenv|setenv|signal|raise|system'
  local file
  for file in "${library[@]}"; do
    sed -E 's@"([^"\\]|\\.)*"@""@g; s@//.*@@' "$file" |
      grep -nE "(^|[^[:alnum:]_])($words)[[:space:]]*\(|std::(cout|cerr|clog|regex|[a-z_]+_distribution)" |
      sed "s@^@$file:@" || true
  done | sed '/^src\/runtime\/kernel_choice\.cpp:.*std::getenv("")/d'
}

rule "does not open with a comment saying what it is" < <(openings)
rule "longer than 450 lines" < <(long_files)
rule "header without #pragma once" < <(grep -L '#pragma once' $(printf '%s\n' "${code[@]}" | grep '\.h$') || true)
# Hangul is U+AC00 to U+D7A3, in UTF-8 three bytes from ea b0 80 on.
rule "not ASCII" < <(in_all '[^\x09\x0a\x20-\x7e]' | grep -vE "$korean" || true)
rule "neither ASCII nor Korean" < <(in_all '(?!(?:[\xea-\xed][\x80-\xbf]{2}|[\x09\x0a\x20-\x7e])*$)^' | grep -E "$korean" || true)
# Patterns are written so that they do not match themselves.
rule "left to do" < <(in_all '\b(TO[D]O|FIX[M]E|XX[X])\b')
rule "a path of one machine" < <(in_all '(?<![\w.$}/*-])/(wor[k]|roo[t]|hom[e]|tm[p])/')
rule "the library must not call" < <(calls)
rule "getenv is for GARAM_KERNELS" < <(
  grep -n 'getenv(' src/runtime/kernel_choice.cpp | grep -v '"GARAM_KERNELS"' || true)

echo "${#all[@]} files, $breaches breaches"
[[ ${#all[@]} -gt 100 && $breaches -eq 0 ]]
