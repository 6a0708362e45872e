// garam score: what the classification head of a reranker or a reward model says of a text.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"

namespace cli {
namespace {

struct Options {
  ModelOptions model;
  CacheOptions cache;
  std::string prompt, file;
  bool parse_special = true;
};

int run(const Options& o) {
  if (list_kernels(o.model)) return 0;
  o.model.check();
  if (o.prompt.empty() && o.file.empty()) throw UsageError("a text is needed: -p TEXT or -f FILE");
  const std::string text = o.file.empty() ? o.prompt : read_file(o.file);
  const Interrupt interrupt;
  const garam::Model model = o.model.load(interrupt.token());
  const garam::ModelInfo& info = model.info();
  if (info.scores == 0) {
    throw std::runtime_error(printable(o.model.name()) +
                             ": expected a classification head (tensor cls.output.weight), found none");
  }
  const auto tokens = model.tokenizer().encode(text, {.parse_special = o.parse_special});
  if (tokens.empty()) throw std::runtime_error("expected a text of at least one token, found none");
  garam::Session session(model,
                         {.context = std::max(info.context, tokens.size()), .kv_type = o.cache.type()});
  session.prefill(tokens, {.stop = interrupt.token()});
  const auto scores = session.scores();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const std::string label =
        i < info.score_labels.size() ? printable(info.score_labels[i]) : std::to_string(i);
    print("{}\t{:.9g}\n", label, scores[i]);
  }
  return 0;
}

}  // namespace

Run define_score(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  o.model.define(app);
  CLI::Option* prompt =
      add_text(app, "-p,--prompt", o.prompt, "The text, with all that its model wants around it", "TEXT");
  exclude(add_text(app, "-f,--file", o.file, "Read the text from a file; -: stdin", "FILE"), {prompt});
  add_flag(app, "--parse-special,!--no-parse-special", o.parse_special,
           "Read control tokens written in the text (default)");
  o.cache.define(app);
  return [options] { return run(*options); };
}

}  // namespace cli
