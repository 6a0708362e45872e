#!/usr/bin/env bash
# Every public header compiles on its own, without a warning, with nothing but the standard library.
# Usage: headers.sh SOURCE_DIR COMPILER.
set -euo pipefail
cd "$1"
count=0
for header in include/garam/*.h; do
  printf '#include "%s"\n#include "%s"\n' "${header#include/}" "${header#include/}" |
    "$2" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -Iinclude -x c++ -
  # A program that includes everything must get this header too, but for those of the training component.
  [[ $header == include/garam/garam.h || $header == include/garam/train*.h ]] || grep -q "\"${header#include/}\"" include/garam/garam.h ||
    { echo "$header is missing from garam/garam.h"; exit 1; }
  count=$((count + 1))
done
echo "$count headers"
[[ $count -gt 5 ]]
