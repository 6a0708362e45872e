// garam train-tokenizer: a vocabulary from text.
#include <garam/train_tokenizer.h>

#include <algorithm>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"

namespace cli {
namespace {

struct Options {
  std::vector<std::string> files, special;
  std::string output, chat_template;
  std::size_t vocab_size = 4096, min_frequency = 2, max_token_bytes = 64;
  int threads = 0;
};

int run(const Options& o) {
  if (o.files.empty()) throw UsageError("files with text are needed");
  if (o.output.empty()) throw UsageError("the vocabulary's file is needed: -o FILE");
  garam::TrainTokenizerOptions options;
  options.vocab_size = o.vocab_size;
  if (!o.special.empty()) options.special_tokens = o.special;
  options.min_frequency = o.min_frequency;
  options.max_token_bytes = o.max_token_bytes;
  if (!o.chat_template.empty()) options.chat_template = read_file(o.chat_template);
  options.threads = static_cast<unsigned>(std::max(o.threads, 0));
  const Interrupt interrupt;
  options.stop = interrupt.token();
  ProgressBar bar("train-tokenizer");
  options.progress = bar.callback();
  const garam::TrainTokenizerReport report = garam::train_tokenizer(o.files, o.output, options);
  bar.clear();
  print(
      "{}: {} tokens, {} merges; {} bytes of text in {} tokens ({:.2f} bytes a token), {} of {} pieces "
      "distinct\n",
      printable(o.output), report.tokens, report.merges, report.text_bytes, report.text_tokens,
      static_cast<double>(report.text_bytes) /
          static_cast<double>(std::max<std::uint64_t>(report.text_tokens, 1)),
      report.distinct_pieces, report.pieces);
  return 0;
}

}  // namespace

Run define_train_tokenizer(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  add_bare(app, "FILES", o.files,
           "Text; JSON lines of {\"text\"} or {\"prompt\", \"answer\"} where a name ends in .jsonl");
  add_text(app, "-o,--output", o.output, "The vocabulary, a GGUF file without weights", "FILE");
  add_number(app, "--vocab-size", o.vocab_size,
             "Tokens in all, 256 bytes and special ones among them (4096)");
  add_repeated(app, "--special", o.special, "A control token; the first ends texts (<|endoftext|>)", "TOKEN");
  add_number(app, "--min-frequency", o.min_frequency, "Occurrences of a pair that is merged (2)");
  add_number(app, "--max-token-bytes", o.max_token_bytes, "Bytes of a merged token (64)");
  add_text(app, "--chat-template-file", o.chat_template, "A chat template to be stored with it", "FILE");
  add_number(app, "-t,--threads", o.threads, "Threads; 0 or -1: what the system grants; changes no byte", -1,
             1024);
  return [options] { return run(*options); };
}

}  // namespace cli
