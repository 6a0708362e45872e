// Writes the model of the demo: a llama of random weights whose vocabulary is made of syllables, so that what
// it generates looks like words and means nothing. It stands in until there is a trained model to ship.
// Usage: garam-demo-model FILE
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "support/tiny_model.h"

namespace {

enum TokenType : std::int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  std::vector<float> scores;
  std::size_t first_syllable = 0;  // only tokens from here on are ever generated

  void add(const std::string& token, TokenType type) {
    tokens.push_back(token);
    types.push_back(type);
    scores.push_back(type == kNormal ? -static_cast<float>(tokens.size()) : 0.0f);
  }
};

Vocabulary make_vocabulary() {
  Vocabulary v;
  v.add("<unk>", kUnknown);
  v.add("<s>", kControl);
  v.add("</s>", kControl);
  for (unsigned byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    v.add(text, kByte);
  }
  const std::string space = "\xe2\x96\x81";  // U+2581, which stands for a space
  v.add(space, kNormal);
  v.first_syllable = v.tokens.size();
  for (const char* start : {"", "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v"}) {
    for (const char* vowel : {"a", "e", "i", "o", "u"}) {
      for (const char* end : {"", "n", "r", "s"}) {
        const std::string syllable = std::string(start) + vowel + end;
        v.add(space + syllable, kNormal);
        if (*start != '\0') v.add(syllable, kNormal);
      }
    }
  }
  v.add(",", kNormal);
  v.add(".", kNormal);
  return v;
}

void write_model(const std::string& path) {
  using garam::test::TinyModel;
  Vocabulary vocabulary = make_vocabulary();
  const std::size_t count = vocabulary.tokens.size();
  const std::size_t width = 128;
  TinyModel model = TinyModel::make({.layers = 4,
                                     .heads = 8,
                                     .kv_heads = 4,
                                     .width = width,
                                     .hidden = 256,
                                     .context = 2048,
                                     .vocab = count,
                                     .seed = 42});
  // The logit of whatever is not a syllable is 0, below those of hundreds of syllables.
  auto& output = model.tensor("output.weight");
  for (std::size_t i = 0; i < vocabulary.first_syllable * width; ++i) output.set(i, 0);
  model.set("general.name", std::string("garam demo, random weights"));
  model.set("tokenizer.ggml.model", std::string("llama"));
  model.set("tokenizer.ggml.pre", std::string("default"));
  model.set("tokenizer.ggml.tokens", std::move(vocabulary.tokens));
  model.set("tokenizer.ggml.scores", std::move(vocabulary.scores));
  model.set("tokenizer.ggml.token_type", std::move(vocabulary.types));
  model.set("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  model.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  model.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  model.write(path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: garam-demo-model FILE\n", stderr);
    return 2;
  }
  try {
    write_model(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "garam-demo-model: %s\n", error.what());
    return 1;
  }
}
