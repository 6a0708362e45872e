#!/usr/bin/env bash
# What object files of a release build may define and call. Usage: symbols.sh NM FILE_WITH_OBJECT_LIST.
#
# 1. An object of kernels/<set>/ defines nothing outside garam::kernels::<set> that another object could see:
#    the linker might else take a function with this set's instructions for one that runs everywhere.
# 2. Nothing in the library calls a function of libm whose last bit differs between libraries. What IEEE 754
#    defines exactly (sqrt, fma, floor, nearbyint, ...) is fine.
set -euo pipefail
nm=$1
mapfile -t objects < "$2"
breaches=0
breach() {
  echo "$1"
  breaches=$((breaches + 1))
}

kernels=0
for object in "${objects[@]}"; do
  if [[ $object =~ /kernels/.*\.dir/(\./)*([a-z0-9]+)/[^/]*\.o$ ]]; then
    set=${BASH_REMATCH[2]}
    kernels=$((kernels + 1))
    while IFS= read -r line; do
      breach "$object defines: $line"
    done < <("$nm" -C --defined-only "$object" | sed -nE 's/^[0-9a-f]+ ([A-ZuvwV]) (.*)/\1 \2/p' |
      sed -E 's/^(.) (vtable for |guard variable for |typeinfo (name )?for )?(.*)/\1 \4/' |
      grep -vE "^. ([a-z_0-9:*&<> ]+ )?garam::kernels::${set}::" || true)
  fi
done

functions='exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|sin|cos|tan|sincos|asin|acos|atan|atan2|sinh|cosh|tanh'
functions+='|asinh|acosh|atanh|erf|erfc|tgamma|lgamma|cbrt|hypot'
while IFS= read -r line; do
  breach "calls libm: $line"
done < <("$nm" -A -u "${objects[@]}" | grep -E " U _*($functions)(f|l|_finite)?(@.*)?$" || true)

echo "${#objects[@]} objects, $kernels of kernels, $breaches breaches"
[[ ${#objects[@]} -gt 20 && $kernels -gt 2 && $breaches -eq 0 ]]
