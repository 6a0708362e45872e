#!/usr/bin/env bash
# Who may include whom (docs/design.md). Usage: includes.sh SOURCE_DIR. Prints every breach.
set -euo pipefail
cd "$1"

standard=" algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono
 cinttypes climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal
 cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar deque exception execution filesystem
 forward_list fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch
 limits list locale map memory memory_resource mutex new numbers numeric optional ostream queue random ranges
 ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept
 stop_token streambuf string string_view syncstream system_error thread tuple type_traits typeindex typeinfo
 unordered_map unordered_set utility valarray variant vector version "
standard=${standard//$'\n'/ }

# What a room of src/ may include besides itself, base and the standard library. Text flows to the right:
# evaluate -> sample -> model -> arch -> core -> ops -> tensor, runtime -> kernels; io and text serve model.
rooms_of() {
  case $1 in
    base | io | text) echo "" ;;
    runtime | tensor) echo "kernels" ;;
    ops) echo "tensor runtime kernels" ;;
    core) echo "ops tensor runtime kernels" ;;
    arch) echo "core ops tensor runtime kernels" ;;
    hf) echo "io tensor kernels" ;;
    model) echo "arch core ops tensor runtime kernels io text hf" ;;
    quantize) echo "model arch core ops tensor runtime kernels io text hf" ;;
    sample) echo "model arch core ops tensor runtime kernels io text" ;;
    evaluate) echo "sample model arch core ops tensor runtime kernels io text" ;;
    train) echo "quantize sample model arch core ops tensor runtime kernels io text" ;;
    *) echo "?" ;;
  esac
}

# The public headers that a room of src/ may know besides garam/error.h.
public_of() {
  case $1 in
    base) echo "version.h" ;;
    runtime) echo "kernel_set.h" ;;
    text) echo "tokenizer.h" ;;
    model | sample | quantize | evaluate | train) echo "*" ;;
    *) echo "" ;;
  esac
}

has() { [[ " $1 " == *" $2 "* || " $1 " == *" * "* ]]; }
is_standard() { [[ "$standard" == *" $1 "* ]]; }

breaches=0
breach() {
  echo "$1: $2"
  breaches=$((breaches + 1))
}

check_src() {  # file room form target
  local rooms known
  rooms=$(rooms_of "$2")
  known=$(public_of "$2")
  if [[ $rooms == "?" ]]; then
    breach "$1" "src/$2 is not a room of docs/design.md"
  elif [[ $3 == "<" ]]; then
    case $4 in
      fmt/*) ;;
      nlohmann/json.hpp) [[ $1 == src/io/json.cpp ]] || breach "$1" "<$4> belongs into src/io/json.cpp" ;;
      sys/* | unistd.h | fcntl.h | sched.h | cpuid.h | *intrin.h)  # the system, kept in few files
        [[ $2 == base || $2 == runtime ]] || breach "$1" "<$4> belongs into src/base or src/runtime" ;;
      *) is_standard "$4" || breach "$1" "<$4> is neither standard nor fmt" ;;
    esac
  elif [[ $4 == garam/* ]]; then
    has "error.h $known" "${4#garam/}" || breach "$1" "src/$2 must not know \"$4\""
  else
    has "$2 base $rooms" "${4%%/*}" || breach "$1" "src/$2 must not include \"$4\""
  fi
}

check_kernel() {  # file set form target; set is a folder of kernels/ or a file name of kernels/ itself
  if [[ $3 == "<" ]]; then
    case $4 in
      cstddef | cstdint | cmath | cstring | bit | limits | *intrin.h | arm_neon.h | arm_acle.h) ;;
      *) breach "$1" "kernels must not include <$4>" ;;
    esac
    return
  fi
  local from=${4#kernels/} folder
  folder=${from%%/*}
  [[ $4 == kernels/* ]] || breach "$1" "kernels must not include \"$4\""
  [[ $from != */* ]] && return
  # The specification and the vector code share nothing; a set may build on simd/ and on weaker sets.
  case $2 in
    portable) [[ $folder == portable ]] || breach "$1" "kernels/portable must not include \"$4\"" ;;
    simd) [[ $folder == simd ]] || breach "$1" "kernels/simd must not include \"$4\"" ;;
    avx512) has "avx512 avx2 simd" "$folder" || breach "$1" "kernels/$2 must not include \"$4\"" ;;
    *) has "$2 simd" "$folder" || breach "$1" "kernels/$2 must not include \"$4\"" ;;
  esac
}

check_public() {  # file form target
  if [[ $2 == "<" ]]; then
    is_standard "$3" || breach "$1" "public headers must not include <$3>"
  else
    [[ $3 == garam/* ]] || breach "$1" "public headers must not include \"$3\""
  fi
}

check_example() {  # file form target; "name.h" is a file beside it
  case $3 in
    garam/* | CLI/* | nlohmann/* | fmt/*) ;;
    kernels/* | */*)
      [[ -e $(dirname "$1")/$3 || $2 == "<" ]] || breach "$1" "examples must not include \"$3\"" ;;
  esac
}

files=0
while IFS= read -r file; do
  files=$((files + 1))
  while IFS= read -r include; do
    form=${include:0:1}
    target=${include:1}
    case $file in
      include/*) check_public "$file" "$form" "$target" ;;
      src/*) room=${file#src/} && check_src "$file" "${room%%/*}" "$form" "$target" ;;
      kernels/*) set=${file#kernels/} && check_kernel "$file" "${set%%/*}" "$form" "$target" ;;
      examples/*) check_example "$file" "$form" "$target" ;;
    esac
  done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"])([^>"]*).*/\1\2/p' "$file")
done < <(find include src kernels examples -name '*.h' -o -name '*.cpp' | sort)

echo "$files files, $breaches breaches"
[[ $files -gt 50 && $breaches -eq 0 ]]
