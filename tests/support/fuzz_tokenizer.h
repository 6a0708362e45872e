// One run of the tokenizers on arbitrary bytes: a vocabulary, a text and ids are cut out of them, everything
// a user may do with a tokenizer is done, and what must hold is checked. For the fuzzer and for the replay of
// its finds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace garam::test {

/// Returns normally or by garam::Error inside; aborts with a message when a promise is broken.
void fuzz_tokenizer(const std::uint8_t* data, std::size_t size);

}  // namespace garam::test
