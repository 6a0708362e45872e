// Two small models with vocabularies, every byte of their headers and some of their weights overwritten: each
// variant is inspected, loaded and run for a few tokens. It is refused with a message that helps, or gives
// finite logits and tokens in range, in bounded time and memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>

#include "io/gguf.h"
#include "model/hostile.h"
#include "support/memory_file.h"
#include "support/random.h"

namespace garam::test {
namespace {

using Strings = std::vector<std::string>;
using Numbers = std::vector<std::int32_t>;

void set_vocabulary(TinyModel& tiny, const char* model, Strings tokens, Numbers types) {
  tiny.set("tokenizer.ggml.model", std::string(model));
  tiny.set("tokenizer.ggml.tokens", std::move(tokens));
  tiny.set("tokenizer.ggml.token_type", std::move(types));
}

TinyModel llama() {
  TinyModel tiny = TinyModel::make({.weights = "q8_0",
                                    .layers = 1,
                                    .heads = 2,
                                    .kv_heads = 1,
                                    .width = 32,
                                    .hidden = 32,
                                    .context = 32,
                                    .vocab = 9,
                                    .rope = TinyRope::kYarn});
  set_vocabulary(tiny, "llama",
                 {"<unk>", "<s>", "</s>", "<0x62>", "\xe2\x96\x81", "a",
                  "\xe2\x96\x81"
                  "a",
                  "aa", "<t>"},
                 {2, 3, 3, 6, 1, 1, 1, 1, 4});
  tiny.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, 0, -1, -2, -3, -4, 0});
  tiny.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  tiny.set("tokenizer.ggml.add_bos_token", true);
  return tiny;
}

TinyModel gpt2() {
  TinyModel tiny = TinyModel::make({.architecture = "gpt2",
                                    .weights = "f16",
                                    .layers = 1,
                                    .heads = 2,
                                    .head_dim = 4,
                                    .width = 8,
                                    .hidden = 8,
                                    .context = 8,
                                    .vocab = 6});
  set_vocabulary(tiny, "gpt2",
                 {"a", "b", "ab", "\xc4\xa0",
                  "\xc4\xa0"
                  "a",
                  "<|endoftext|>"},
                 {1, 1, 1, 1, 1, 3});
  tiny.set("tokenizer.ggml.pre", std::string("gpt-2"));
  tiny.set("tokenizer.ggml.merges", Strings{"a b", "\xc4\xa0 a"});
  tiny.set("tokenizer.ggml.eos_token_id", std::uint32_t{5});
  return tiny;
}

std::string bytes_of(const TinyModel& tiny) {
  const TinyFile file(tiny);
  std::ifstream in(file.path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Text to ids and back, with ids in range whatever the vocabulary says.
testing::AssertionResult spells(const Tokenizer& tokenizer) {
  for (const bool parse_special : {false, true}) {
    try {
      const auto ids = tokenizer.encode("aab a<t> </s>b\n\xff", {.parse_special = parse_special});
      for (const std::int32_t id : ids) {
        if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.size()) {
          return testing::AssertionFailure() << "id " << id;
        }
      }
      tokenizer.decode(ids, {.special = true});
    } catch (const Error& error) {
      // A vocabulary may lack the tokens for a text.
      if (error.code() != ErrorCode::kArgument) return testing::AssertionFailure() << error.what();
    }
  }
  return testing::AssertionSuccess();
}

class HostileModelBytes : public testing::TestWithParam<TinyModel (*)()> {
 protected:
  HostileModelBytes() { file_.write(good_); }

  /// Does all that a program does with a file; true when loading was refused.
  bool refused() {
    const auto begin = std::chrono::steady_clock::now();
    bool refused = false;
    try {
      const Model model = Model::load(file_.path(), {.threads = 1});
      EXPECT_TRUE(runs(model));
      EXPECT_EQ(inspect(file_.path()).vocab, model.info().vocab);
    } catch (const Error& error) {
      EXPECT_TRUE(is_refusal(error, file_.path()));
      refused = true;
    }
    try {
      inspect(file_.path());
      EXPECT_TRUE(spells(load_tokenizer(file_.path())));
    } catch (const Error& error) {
      EXPECT_TRUE(refused) << "loaded, but not inspected: " << error.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    return refused;
  }
  /// The same with some bytes replaced.
  bool refused_with(std::size_t at, std::string_view bytes) {
    file_.patch(at, bytes);
    const bool result = refused();
    file_.patch(at, std::string_view(good_).substr(at, bytes.size()));
    if (HasFailure()) ADD_FAILURE() << "bytes from " << at;
    return result;
  }
  std::size_t header_size() const { return GgufFile::open(file_.path()).metadata_end(0); }

  std::string good_ = bytes_of(GetParam()());
  MemoryFile file_;
  MemoryCeiling ceiling_{256 << 20};
};

TEST_P(HostileModelBytes, TheGoodOneWorks) {
  EXPECT_FALSE(refused());
}

// Sanitizers see each kind of number overwritten in some of its bytes; their minute would not buy more.
constexpr std::size_t kStride = kSanitized ? 3 : 1;

TEST_P(HostileModelBytes, EveryByteOfTheHeader) {
  const std::size_t end = header_size();
  std::size_t refusals = 0;
  for (std::size_t at = 0; at < end && !HasFailure(); at += kStride) {
    for (const int change : {0x00, 0x7f, 0x80, 0xff, good_[at] + 1, good_[at] ^ 0x20}) {
      const char byte = static_cast<char>(change);
      refusals += refused_with(at, {&byte, 1}) ? 1 : 0;
    }
  }
  EXPECT_GT(refusals, end / kStride);
}

TEST_P(HostileModelBytes, EveryNumberOfTheHeader) {
  const std::size_t end = header_size();
  for (std::size_t at = 0; at + 4 <= end && !HasFailure(); ++at) {
    for (const std::uint32_t number : {0u, 0x80000000u, 0x7f800000u, 3u}) {
      char bytes[4];
      std::copy_n(reinterpret_cast<const char*>(&number), 4, bytes);
      refused_with(at, {bytes, 4});
    }
  }
}

TEST_P(HostileModelBytes, Weights) {
  const std::size_t begin = header_size();
  for (std::size_t at = begin; at < good_.size() && !HasFailure(); at += 13 * kStride) {
    for (const char byte : {'\x00', '\x7c', '\x7f', '\x80', '\xff'}) {
      const char bytes[4] = {byte, byte, byte, byte};
      refused_with(at, {bytes, std::min<std::size_t>(4, good_.size() - at)});
    }
  }
}

TEST_P(HostileModelBytes, EveryCut) {
  const std::size_t end = header_size();
  for (std::size_t size = 0; size < good_.size(); size += size < end ? 1 : 97) {
    file_.write(std::string_view(good_).substr(0, size));
    EXPECT_TRUE(refused()) << "cut after " << size << " bytes";
  }
}

/// Several changes at once, which no single check may depend on being alone.
TEST_P(HostileModelBytes, Splices) {
  Random random(test_seed());
  const std::size_t end = header_size();
  for (int i = 0; i < 2000 && !HasFailure(); ++i) {
    std::string bytes = good_;
    for (std::size_t changes = 1 + random.below(4); changes > 0; --changes) {
      const std::size_t from = random.below(end);
      const std::size_t length = 1 + random.below(40);
      const std::size_t to = random.below(end);
      if (random.below(3) == 0) {
        bytes.erase(to, length);
        bytes.insert(from, std::string(length, '\0'));
      } else {
        bytes.replace(to, length, good_, from, length);
      }
    }
    file_.write(bytes);
    refused();
    if (HasFailure()) ADD_FAILURE() << "splice " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Hostile, HostileModelBytes, testing::Values(&llama, &gpt2),
                         [](const auto& info) { return info.index == 0 ? "llama" : "gpt2"; });

}  // namespace
}  // namespace garam::test
