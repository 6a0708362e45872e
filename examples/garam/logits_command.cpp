// garam logits: float32 [tokens][vocab], for comparing engines bit by bit. Computed and written chunk by
// chunk, so that memory does not grow with the number of tokens.
#include <algorithm>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"
#include "output_file.h"

namespace cli {
namespace {

constexpr std::size_t kMaxBatch = 65536;  // of SessionOptions::batch

struct Options {
  ModelOptions model;
  CacheOptions cache;
  std::string tokens, out;
  std::string chunk = "512";
  std::size_t context = 0;
};

/// 0 for "all".
std::size_t parse_chunk(const std::string& text) {
  if (text == "all") return 0;
  const auto chunk = to_number<std::size_t>(text);
  if (chunk.value_or(0) == 0) {
    throw UsageError(formatted("--chunk: expected a number above 0 or all, found \"{}\"", printable(text)));
  }
  return *chunk;
}

int run(const Options& o) {
  if (list_kernels(o.model)) return 0;
  o.model.check();
  if (o.tokens.empty()) throw UsageError("--tokens FILE is needed");
  if (o.out.empty()) throw UsageError("--out FILE is needed");
  const garam::KvType kv_type = o.cache.type();
  const std::size_t asked = parse_chunk(o.chunk);

  const std::vector<std::int32_t> tokens = parse_ids(read_file(o.tokens), o.tokens);
  if (tokens.empty()) throw std::runtime_error(printable(o.tokens) + ": expected token ids, found none");
  const std::size_t chunk = asked == 0 ? tokens.size() : std::min(asked, tokens.size());

  const Interrupt interrupt;
  const garam::Model model = o.model.load(interrupt.token());
  garam::Session session(model, {.context = o.context != 0 ? o.context : tokens.size(),
                                 .kv_type = kv_type,
                                 .batch = std::min(chunk, kMaxBatch)});
  OutputFile file(o.out);
  ProgressBar bar("logits");
  const garam::Progress progress = bar.callback();
  for (std::size_t done = 0; done < tokens.size();) {
    const std::size_t count = std::min(chunk, tokens.size() - done);
    session.prefill(std::span(tokens).subspan(done, count), {.all_logits = true, .stop = interrupt.token()});
    const auto logits = session.logits();
    file.write(logits.data(), logits.size_bytes());
    done += count;
    if (progress) progress(static_cast<double>(done) / static_cast<double>(tokens.size()));
  }
  file.commit();
  return 0;
}

}  // namespace

Run define_logits(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  o.model.define(app);
  add_text(app, "--tokens", o.tokens, "Token ids separated by white space; -: stdin", "FILE");
  add_text(app, "-o,--out", o.out, "Where the logits go: float32, [tokens][vocab]; -: stdout", "FILE");
  add_text(app, "--chunk", o.chunk, "Tokens computed at once, or all; changes no bit (512)", "N");
  add_number(app, "-c,--ctx-size", o.context, "Context in tokens; 0: the number of tokens (default)", 0,
             kMaxContext);
  o.cache.define(app);
  return [options] { return run(*options); };
}

}  // namespace cli
