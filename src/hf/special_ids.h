// Which tokens begin and end a text: the post-processor of tokenizer.json, tokenizer_config.json,
// generation_config.json and config.json, in this order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hf/tokenizer.h"
#include "hf/vocabulary.h"

namespace garam {

struct SpecialIds {
  std::optional<std::uint32_t> bos, eos, unknown, padding;
  std::vector<std::uint32_t> ends;  // all that end generation
  bool add_bos = false, add_eos = false;
};

SpecialIds read_special_ids(const VocabularyFiles& files, const TokenList& list);

}  // namespace garam
