// Vocabularies that contradict themselves: each is refused with an error that names the file, the field, what
// was expected and what was found, or works.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "garam/error.h"
#include "text/pretokenizer.h"
#include "text/small_vocabulary.h"

namespace garam {
namespace {

using test::add_token;
using test::in_alphabet;
using test::small_bpe;
using test::small_spm;

struct Refused {
  const char* what;
  std::function<VocabData()> make;
  ErrorCode code;
  const char* field;  // must appear in the message
};

VocabData changed(VocabData data, const std::function<void(VocabData&)>& change) {
  change(data);
  return data;
}

VocabData bpe(const std::function<void(VocabData&)>& change) {
  return changed(small_bpe(), change);
}
VocabData spm(const std::function<void(VocabData&)>& change) {
  return changed(small_spm(), change);
}

const Refused kRefused[] = {
    {"no model", [] { return bpe([](auto& d) { d.model.clear(); }); }, ErrorCode::kUnsupported, "model"},
    {"unknown model", [] { return bpe([](auto& d) { d.model = "rwkv"; }); }, ErrorCode::kUnsupported,
     "gpt2, llama, gemma4, bert, t5"},
    {"model with NUL", [] { return bpe([](auto& d) { d.model = std::string("gpt2\0", 5); }); },
     ErrorCode::kUnsupported, "model"},
    {"unknown pre-tokenizer", [] { return bpe([](auto& d) { d.pre = "banana"; }); }, ErrorCode::kUnsupported,
     "gpt-2, "},
    {"bytes as a pre-tokenizer", [] { return bpe([](auto& d) { d.pre = "\x1b[2J\xff"; }); },
     ErrorCode::kUnsupported, "\\x1b[2J\\xff"},
    {"a megabyte as a model", [] { return bpe([](auto& d) { d.model.assign(1u << 20, 'm'); }); },
     ErrorCode::kUnsupported, "mmm"},
    {"no tokens", [] { return bpe([](auto& d) { d.tokens.clear(); }); }, ErrorCode::kFormat, "tokens"},
    {"no tokens, types or scores",
     [] {
       return spm([](auto& d) {
         d.tokens.clear();
         d.types->clear();
         d.scores->clear();
       });
     },
     ErrorCode::kFormat, "tokens"},
    {"too few types", [] { return bpe([](auto& d) { d.types->pop_back(); }); }, ErrorCode::kFormat,
     "token_type"},
    {"too many types", [] { return bpe([](auto& d) { d.types->push_back(1); }); }, ErrorCode::kFormat,
     "token_type"},
    {"no types but the key", [] { return bpe([](auto& d) { d.types->clear(); }); }, ErrorCode::kFormat,
     "token_type"},
    {"no types", [] { return spm([](auto& d) { d.types.reset(); }); }, ErrorCode::kFormat, "token_type"},
    {"type 0", [] { return bpe([](auto& d) { (*d.types)[7] = 0; }); }, ErrorCode::kFormat, "token_type[7]"},
    {"type 7", [] { return bpe([](auto& d) { (*d.types)[7] = 7; }); }, ErrorCode::kFormat, "token_type[7]"},
    {"type -1", [] { return bpe([](auto& d) { (*d.types)[7] = -1; }); }, ErrorCode::kFormat, "found -1"},
    {"type 2^31-1", [] { return bpe([](auto& d) { (*d.types)[0] = 0x7fffffff; }); }, ErrorCode::kFormat,
     "token_type[0]"},
    {"too few scores", [] { return spm([](auto& d) { d.scores->pop_back(); }); }, ErrorCode::kFormat,
     "scores"},
    {"too many scores", [] { return spm([](auto& d) { d.scores->push_back(0); }); }, ErrorCode::kFormat,
     "scores"},
    {"no scores", [] { return spm([](auto& d) { d.scores.reset(); }); }, ErrorCode::kFormat, "scores"},
    {"NaN score", [] { return spm([](auto& d) { (*d.scores)[9] = std::nanf(""); }); }, ErrorCode::kFormat,
     "scores[9]"},
    {"infinite score",
     [] { return spm([](auto& d) { (*d.scores)[9] = std::numeric_limits<float>::infinity(); }); },
     ErrorCode::kFormat, "scores[9]"},
    {"wrong number of scores nobody needs", [] { return bpe([](auto& d) { d.scores.emplace(3, 0.0f); }); },
     ErrorCode::kFormat, "scores"},
    {"byte token <0x-1>", [] { return spm([](auto& d) { d.tokens[3] = "<0x-1>"; }); }, ErrorCode::kFormat,
     "tokens[3]"},
    {"byte token <0xZZ>", [] { return spm([](auto& d) { d.tokens[3] = "<0xZZ>"; }); }, ErrorCode::kFormat,
     "<0xZZ>"},
    {"byte token <0x>", [] { return spm([](auto& d) { d.tokens[3] = "<0x>"; }); }, ErrorCode::kFormat,
     "tokens[3]"},
    {"byte token <0x100>", [] { return spm([](auto& d) { d.tokens[3] = "<0x100>"; }); }, ErrorCode::kFormat,
     "tokens[3]"},
    {"byte token with NUL", [] { return spm([](auto& d) { d.tokens[3] = std::string("<0x00\0", 6); }); },
     ErrorCode::kFormat, "tokens[3]"},
    {"byte token < 0xA>", [] { return spm([](auto& d) { d.tokens[3] = "<0x A>"; }); }, ErrorCode::kFormat,
     "tokens[3]"},
    {"empty byte token", [] { return spm([](auto& d) { d.tokens[3].clear(); }); }, ErrorCode::kFormat,
     "tokens[3]"},
    {"duplicate token", [] { return bpe([](auto& d) { d.tokens[90] = d.tokens[65]; }); }, ErrorCode::kFormat,
     "tokens[90]"},
    {"duplicate byte token", [] { return spm([](auto& d) { d.tokens[4] = "<0x00>"; }); }, ErrorCode::kFormat,
     "as in 3"},
    {"no merges", [] { return bpe([](auto& d) { d.merges.reset(); }); }, ErrorCode::kFormat, "merges"},
    {"empty merge", [] { return bpe([](auto& d) { (*d.merges)[2].clear(); }); }, ErrorCode::kFormat,
     "merges[2]"},
    {"merge without space", [] { return bpe([](auto& d) { (*d.merges)[2] = "ab"; }); }, ErrorCode::kFormat,
     "merges[2]"},
    {"merge without left side", [] { return bpe([](auto& d) { (*d.merges)[2] = " b"; }); },
     ErrorCode::kFormat, "merges[2]"},
    {"merge without right side", [] { return bpe([](auto& d) { (*d.merges)[2] = "b "; }); },
     ErrorCode::kFormat, "merges[2]"},
    {"BOS out of range", [] { return bpe([](auto& d) { d.bos = 100000; }); }, ErrorCode::kFormat,
     "bos_token_id"},
    {"BOS one too large",
     [] { return bpe([](auto& d) { d.bos = static_cast<std::uint32_t>(d.tokens.size()); }); },
     ErrorCode::kFormat, "bos_token_id"},
    {"EOS 2^32-1", [] { return spm([](auto& d) { d.eos = 0xffffffff; }); }, ErrorCode::kFormat,
     "eos_token_id"},
    {"EOT out of range", [] { return spm([](auto& d) { d.eot = 0x80000000; }); }, ErrorCode::kFormat,
     "eot_token_id"},
    {"EOM out of range", [] { return spm([](auto& d) { d.eom = 5000; }); }, ErrorCode::kFormat,
     "eom_token_id"},
    {"unknown out of range", [] { return spm([](auto& d) { d.unknown = 5000; }); }, ErrorCode::kFormat,
     "unknown_token_id"},
    {"FIM out of range", [] { return spm([](auto& d) { d.fim_sep = 5000; }); }, ErrorCode::kFormat,
     "fim_sep_token_id"},
    {"add_bos without BOS",
     [] {
       return bpe([](auto& d) {
         d.bos.reset();
         d.add_bos = true;
       });
     },
     ErrorCode::kFormat, "add_bos_token"},
    {"add_eos without EOS",
     [] {
       return bpe([](auto& d) {
         d.eos.reset();
         d.add_eos = true;
       });
     },
     ErrorCode::kFormat, "add_eos_token"},
    {"megabytes of control tokens",
     [] { return bpe([](auto& d) { add_token(d, std::string(5u << 20, 'x'), test::kControl); }); },
     ErrorCode::kUnsupported, "special tokens"},
};

TEST(HostileVocabulary, Refused) {
  for (const Refused& c : kRefused) {
    try {
      make_tokenizer(c.make(), "evil.gguf");
      ADD_FAILURE() << c.what << ": expected an error";
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), c.code) << c.what << ": " << message;
      EXPECT_NE(message.find("evil.gguf: tokenizer.ggml."), std::string::npos) << c.what << ": " << message;
      EXPECT_NE(message.find(c.field), std::string::npos) << c.what << ": " << message;
      EXPECT_NE(message.find("expected"), std::string::npos) << c.what << ": " << message;
      // The list of pre-tokenizers is the library's own; what comes from the file is cut.
      const std::string list = known_pre_tokenizers();
      const std::size_t listed = message.find(list) == std::string::npos ? 0 : list.size();
      EXPECT_LT(message.size() - listed, 400u) << c.what;
    }
  }
}

struct Accepted {
  const char* what;
  std::function<VocabData()> make;
};

const Accepted kAccepted[] = {
    {"one token",
     [] {
       VocabData d;
       d.model = "gpt2";
       d.pre = "gpt-2";
       d.merges.emplace();
       add_token(d, "a", test::kNormal);
       d.unknown = 0;
       return d;
     }},
    {"empty tokens",
     [] {
       return bpe([](auto& d) {
         for (const auto type : {test::kNormal, test::kControl, test::kUserDefined, test::kUnused}) {
           add_token(d, "", type);
         }
       });
     }},
    {"NUL in a token",
     [] {
       return spm([](auto& d) {
         add_token(d, std::string("a\0b", 3), test::kNormal);
         add_token(d, std::string("a\0", 2), test::kControl);
       });
     }},
    {"tokens that are no UTF-8",
     [] {
       return spm([](auto& d) {
         for (const char* text : {"\xff", "\xf0\x9f", "\x80\x80", "\xe2\x96"})
           add_token(d, text, test::kNormal);
       });
     }},
    {"the same again as no UTF-8 in the alphabet",
     [] {
       return bpe([](auto& d) {
         for (const char* text : {"\xff", "\xc4", "\xc4\x41", "\xc5\xbf"}) add_token(d, text, test::kNormal);
       });
     }},
    {"merges of nothing that exists",
     [] {
       return bpe([](auto& d) {
         for (const char* merge : {"xx yy", "\xe4\xb8\xad z", "q \xff", "  x", "a b c"})
           d.merges->push_back(merge);
       });
     }},
    {"the same merge twice", [] { return bpe([](auto& d) { d.merges->push_back(d.merges->front()); }); }},
    {"padding out of range", [] { return bpe([](auto& d) { d.padding = 0xffffffff; }); }},
    {"all tokens control",
     [] {
       return bpe([](auto& d) {
         for (auto& type : *d.types) type = test::kControl;
         d.unknown = 3;
       });
     }},
    {"all tokens user-defined", [] { return bpe([](auto& d) { d.types->assign(d.types->size(), 4); }); }},
    {"all tokens unused", [] { return bpe([](auto& d) { d.types->assign(d.types->size(), 5); }); }},
    {"byte tokens in small letters", [] { return spm([](auto& d) { d.tokens[3 + 0xab] = "<0xab>"; }); }},
    {"byte token in byte-level BPE",
     [] { return bpe([](auto& d) { add_token(d, "<0x41>", test::kByte); }); }},
    {"huge scores",
     [] {
       return spm([](auto& d) {
         for (std::size_t i = 0; i < d.scores->size(); ++i) (*d.scores)[i] = i % 2 == 0 ? 3e38f : -3e38f;
       });
     }},
    {"a megabyte of token",
     [] {
       return spm([](auto& d) {
         for (std::size_t n = 4; n <= 1u << 20; n *= 2)
           add_token(d, std::string(n, 'a'), test::kNormal, -0.5f);
       });
     }},
    {"nested user-defined tokens",
     [] {
       return spm([](auto& d) {
         for (std::size_t n = 2; n < 300; ++n) add_token(d, std::string(n, 'b'), test::kUserDefined);
       });
     }},
    {"BOS, EOS and unknown are one",
     [] {
       return bpe([](auto& d) {
         d.bos = d.eos = d.unknown = 0;
         d.add_bos = d.add_eos = true;
       });
     }},
    {"strange name", [] { return bpe([](auto& d) { d.name = std::string("phi-3\0\xff", 7); }); }},
};

TEST(HostileVocabulary, Works) {
  const std::string text = std::string("a the <tool> <|end|> \0\xff\xe4\xb8\xad ", 28) +
                           std::string(3000, 'a') + std::string(3000, 'b') + std::string(3000, ' ');
  for (const Accepted& c : kAccepted) {
    SCOPED_TRACE(c.what);
    const Tokenizer t = make_tokenizer(c.make(), "odd.gguf");
    for (const bool parse_special : {false, true}) {
      const auto ids = t.encode(text, {.add_special = true, .parse_special = parse_special});
      for (const std::int32_t id : ids) ASSERT_TRUE(id >= 0 && static_cast<std::size_t>(id) < t.size());
      EXPECT_LE(t.decode(ids, {.special = true}).size(), 10 * text.size());
      TextStream stream(t);
      for (const std::int32_t id : ids) stream.push(id);
      stream.finish();
    }
    for (std::size_t id = 0; id < t.size(); ++id) {
      t.piece(static_cast<std::int32_t>(id));
      t.is_end_of_generation(static_cast<std::int32_t>(id));
    }
  }
}

TEST(HostileVocabulary, CountsAreMany) {
  EXPECT_GE(std::size(kRefused) + std::size(kAccepted), 60u);
}

}  // namespace
}  // namespace garam
