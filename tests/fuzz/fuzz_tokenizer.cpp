// libFuzzer's entry.
#include "support/fuzz_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  garam::test::fuzz_tokenizer(data, size);
  return 0;
}
