// Reading the vocabulary's keys; checking them is the business of text/.
#include "model/vocab_from_gguf.h"

#include <string>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "io/model_file.h"

namespace garam {
namespace {

std::string key(const char* name) {
  return std::string("tokenizer.ggml.") + name;
}

/// Converters write the bytes as u8 or as i8.
std::vector<std::uint8_t> character_map(const ModelFile& file) {
  const std::string name = key("precompiled_charsmap");
  const GgufValue* value = file.find(name);
  if (value == nullptr) return {};
  const auto* array = std::get_if<GgufArray>(value);
  const auto* chars = array == nullptr ? nullptr : std::get_if<std::vector<std::int8_t>>(array);
  if (chars != nullptr) return {chars->begin(), chars->end()};
  return *file.find_array<std::uint8_t>(name);
}

/// What garam itself writes where GGUF has no key.
void take_own_keys(const ModelFile& file, VocabData& data) {
  const auto own = [](const char* name) { return std::string("tokenizer.garam.") + name; };
  const auto ids = [&](const char* name) {
    return file.get_if<std::vector<std::uint32_t>>(own(name)).value_or(std::vector<std::uint32_t>{});
  };
  data.rules = file.get_or<std::string>(own("rules"), {});
  data.normalizer = file.get_or<std::string>(own("normalizer"), {});
  data.ignore_merges = file.get_if<bool>(own("ignore_merges"));
  data.space_prefix = file.get_or<std::string>(own("space_prefix"), {});
  data.strip_left = ids("strip_left");
  data.strip_right = ids("strip_right");
  data.end_ids = ids("end_ids");
}

}  // namespace

std::optional<VocabData> vocab_from_gguf(ModelFile& file) {
  VocabData data;
  const auto model = file.get_if<std::string>(key("model"));
  if (!model && file.find(key("tokens")) != nullptr) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.model: expected the name of a tokenizer, found none",
         file.path());
  }
  if (!model || *model == "none" || *model == "no_vocab") return std::nullopt;

  data.model = *model;
  data.pre = file.get_or<std::string>(key("pre"), {});
  data.name = file.get_or<std::string>("general.name", {});
  auto tokens = file.take_array<std::string>(key("tokens"));
  if (!tokens) {
    fail(ErrorCode::kFormat, "{}: key tokenizer.ggml.tokens: expected an array of string, found no such key",
         file.path());
  }
  data.tokens = *std::move(tokens);
  data.scores = file.take_array<float>(key("scores"));
  data.types = file.take_array<std::int32_t>(key("token_type"));
  data.merges = file.take_array<std::string>(key("merges"));
  const auto id = [&file](const char* name) { return file.get_if<std::uint32_t>(key(name)); };
  data.bos = id("bos_token_id");
  data.eos = id("eos_token_id");
  data.eot = id("eot_token_id");
  data.eom = id("eom_token_id");
  data.unknown = id("unknown_token_id");
  data.separator = id("seperator_token_id");  // sic: what converters write
  data.padding = id("padding_token_id");
  data.fim_pad = id("fim_pad_token_id");
  data.fim_rep = id("fim_rep_token_id");
  data.fim_sep = id("fim_sep_token_id");
  const auto flag = [&file](const char* name) { return file.get_if<bool>(key(name)); };
  data.add_bos = flag("add_bos_token");
  data.add_eos = flag("add_eos_token");
  data.add_sep = flag("add_sep_token");
  data.add_space_prefix = flag("add_space_prefix");
  data.remove_extra_whitespaces = flag("remove_extra_whitespaces");
  data.lowercase = flag("normalizer.lowercase");
  data.strip_accents = flag("normalizer.strip_accents");
  data.precompiled_charsmap = character_map(file);
  take_own_keys(file, data);
  return data;
}

std::optional<Tokenizer> tokenizer_from_gguf(ModelFile& file) {
  auto data = vocab_from_gguf(file);
  if (!data) return std::nullopt;
  return make_tokenizer(*std::move(data), file.path());
}

}  // namespace garam
