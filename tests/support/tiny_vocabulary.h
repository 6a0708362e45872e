// The two small vocabularies of tiny models, complete enough to spell any bytes.
#pragma once

#include "support/tiny_model.h"

namespace garam::test {

/// Adds the tokenizer.* keys to the model and returns the number of tokens.
std::size_t add_vocabulary(TinyVocabulary vocabulary, TinyModel& model);

}  // namespace garam::test
