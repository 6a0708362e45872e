// From text to a vocabulary file.
#include "garam/train_tokenizer.h"

#include <algorithm>

#include "base/fail.h"
#include "base/printable.h"
#include "io/gguf_writer.h"
#include "runtime/kernel_choice.h"
#include "text/byte_alphabet.h"
#include "text/unicode.h"
#include "train/merges.h"
#include "train/text_file.h"

namespace garam {
namespace training {
namespace {

constexpr std::size_t kMostTokens = std::size_t{1} << 20;
constexpr std::size_t kBytes = 256;
constexpr unsigned kMostThreads = 1024;
constexpr std::int32_t kNormal = 1, kControl = 3;  // of tokenizer.ggml.token_type

void check(const TrainTokenizerOptions& o, std::size_t files) {
  if (files == 0) fail(ErrorCode::kArgument, "train_tokenizer: a file with text is needed");
  if (o.special_tokens.empty()) {
    fail(ErrorCode::kArgument, "special tokens: expected at least one, which ends texts");
  }
  for (std::size_t i = 0; i < o.special_tokens.size(); ++i) {
    const std::string& token = o.special_tokens[i];
    std::string storage;
    if (token.empty() || token.size() > 256 || repair_utf8(token, storage) != token) {
      fail(ErrorCode::kArgument, "special token {}: expected 1 to 256 bytes of UTF-8, found \"{}\"", i,
           printable(token));
    }
    if (std::count(o.special_tokens.begin(), o.special_tokens.end(), token) > 1) {
      fail(ErrorCode::kArgument, "special token \"{}\": given twice", printable(token));
    }
  }
  const std::size_t least = kBytes + o.special_tokens.size();
  if (o.vocab_size < least || o.vocab_size > kMostTokens) {
    fail(ErrorCode::kArgument,
         "vocabulary size: expected {} (256 bytes and the special tokens) to {}, found {}", least,
         kMostTokens, o.vocab_size);
  }
  if (o.threads > kMostThreads) {
    fail(ErrorCode::kArgument, "threads: expected 0 to {}, found {}", kMostThreads, o.threads);
  }
  if (o.max_token_bytes < 2) {
    fail(ErrorCode::kArgument, "largest token: expected at least 2 bytes, found {}", o.max_token_bytes);
  }
}

/// The 256 letters in the order of GPT-2's vocabulary: bytes that are printable first.
struct Alphabet {
  std::string letter[kBytes];      // of a byte
  std::uint32_t position[kBytes];  // of a byte, in the vocabulary

  Alphabet() {
    std::uint32_t next = 0;
    for (std::size_t code = 0; code < kAlphabetBytes.size(); ++code) {
      if (kAlphabetBytes[code] < 0) continue;
      const auto byte = static_cast<std::size_t>(kAlphabetBytes[code]);
      append_utf8(letter[byte], static_cast<std::uint32_t>(code));
      position[byte] = next++;
    }
  }
};

void write_vocabulary(const std::string& out, const TrainTokenizerOptions& o,
                      const std::vector<Merge>& merges) {
  const Alphabet alphabet;
  std::vector<std::string> tokens(kBytes), texts;
  // By the learner's ids: bytes come by their value there.
  std::vector<std::string> by_id(alphabet.letter, alphabet.letter + kBytes);
  for (std::size_t byte = 0; byte < kBytes; ++byte) tokens[alphabet.position[byte]] = alphabet.letter[byte];
  for (const Merge& merge : merges) {
    texts.push_back(by_id[merge.left] + " " + by_id[merge.right]);
    by_id.push_back(by_id[merge.left] + by_id[merge.right]);
    tokens.push_back(by_id.back());
  }
  const auto eos = static_cast<std::uint32_t>(tokens.size());
  std::vector<std::int32_t> types(tokens.size(), kNormal);
  for (const std::string& token : o.special_tokens) {
    if (std::find(tokens.begin(), tokens.end(), token) != tokens.end()) {
      fail(ErrorCode::kArgument, "special token \"{}\": the vocabulary has an ordinary token of that text",
           printable(token));
    }
    tokens.push_back(token);
    types.push_back(kControl);
  }
  GgufWriter writer;
  writer.add("general.architecture", std::string("gpt2"));  // llama.cpp asks for one of any file
  writer.add("general.type", std::string("vocabulary"));
  writer.add("tokenizer.ggml.model", std::string("gpt2"));
  writer.add("tokenizer.ggml.pre", std::string("gpt-2"));
  writer.add("tokenizer.ggml.tokens", GgufArray(tokens));
  writer.add("tokenizer.ggml.token_type", GgufArray(types));
  writer.add("tokenizer.ggml.merges", GgufArray(texts));
  writer.add("tokenizer.ggml.bos_token_id", eos);
  writer.add("tokenizer.ggml.eos_token_id", eos);
  writer.add("tokenizer.ggml.add_bos_token", false);
  if (!o.chat_template.empty()) writer.add("tokenizer.chat_template", o.chat_template);
  writer.write(out);
}

class TextCounter {
 public:
  TextCounter(const Context& context, const TrainTokenizerOptions& options)
      : context_(context), options_(options), counts_(context.workers()) {}

  void read(const std::string& path) {
    const std::string text = read_text(path);
    bytes_ += text.size();
    if (!has_json_lines(path)) return add(text);
    std::string lines;  // strings of many lines, so that workers have something to share
    each_json_line(path, text, options_.stop, [&](const std::string&, JsonValue object) {
      if (!object.find("text") && !(object.find("prompt") && object.find("answer"))) {
        object.refuse("an object with \"text\", or with \"prompt\" and \"answer\"");
      }
      for (const char* name : {"text", "prompt", "answer"}) {
        const auto value = object.find(name);
        if (!value) continue;
        lines += without_special_tokens(value->string());
        lines += '\n';
      }
      if (lines.size() > std::size_t{64} << 20) {
        add(lines);
        lines.clear();
      }
    });
    add(lines);
  }

  std::vector<CountedPiece> take() { return counts_.take(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  /// In JSON lines they are tokens already; what is left in their place ends a piece.
  std::string without_special_tokens(std::string_view value) const {
    std::string text(value);
    for (const std::string& token : options_.special_tokens) {
      std::string without;
      std::size_t begin = 0;
      for (std::size_t at = 0; (at = text.find(token, begin)) != text.npos; begin = at + token.size()) {
        without.append(text, begin, at - begin).push_back('\n');
      }
      text = without.append(text, begin, text.npos);
    }
    return text;
  }

  void add(std::string_view text) {
    std::vector<std::string_view> blocks;
    while (!text.empty()) {
      blocks.push_back(text.substr(0, block_of(text)));
      text.remove_prefix(blocks.back().size());
      if (blocks.size() < 16 && !text.empty()) continue;
      check_stop(options_.stop);
      counts_.add(context_, blocks);
      blocks.clear();
    }
  }

  const Context& context_;
  const TrainTokenizerOptions& options_;
  PieceCounts counts_;
  std::uint64_t bytes_ = 0;
};

}  // namespace
}  // namespace training

TrainTokenizerReport train_tokenizer(std::span<const std::string> files, const std::string& out,
                                     const TrainTokenizerOptions& options) {
  using namespace training;
  check(options, files.size());
  { const AtomicFile writable(out); }
  const KernelChoice choice = choose_kernels(KernelSet::kAuto);
  ThreadPool pool(options.threads != 0 ? options.threads : default_threads());
  const Context context(choice.table, &pool, pool.workers());
  const auto tell = [&](double share) {
    if (options.progress) options.progress(share);
  };
  TextCounter counter(context, options);
  if (!pool.try_acquire()) fail(ErrorCode::kArgument, "train_tokenizer: a new pool is busy");
  for (std::size_t i = 0; i < files.size(); ++i) {
    counter.read(files[i]);
    tell(0.5 * static_cast<double>(i + 1) / static_cast<double>(files.size()));
  }
  pool.release();
  const std::vector<CountedPiece> pieces = counter.take();

  MergeOptions merging;
  merging.merges = options.vocab_size - kBytes - options.special_tokens.size();
  merging.min_frequency = options.min_frequency;
  merging.max_bytes = options.max_token_bytes;
  merging.progress = [&](std::size_t done) {
    check_stop(options.stop);
    tell(0.5 +
         0.5 * static_cast<double>(done) / static_cast<double>(std::max<std::size_t>(merging.merges, 1)));
  };
  const LearnedMerges learned = learn_merges(pieces, merging);
  write_vocabulary(out, options, learned.merges);
  tell(1);

  TrainTokenizerReport report;
  report.merges = learned.merges.size();
  report.tokens = kBytes + report.merges + options.special_tokens.size();
  report.text_bytes = counter.bytes();
  for (const CountedPiece& piece : pieces) report.pieces += piece.count;
  report.distinct_pieces = pieces.size();
  report.text_tokens = learned.tokens;
  return report;
}

}  // namespace garam
