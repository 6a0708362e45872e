// garam perplexity: how well a model predicts a text, and how far it strays from another model.
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"
#include "json.h"

namespace cli {
namespace {

struct Options {
  ModelOptions model;
  CacheOptions cache{.fallback = "f32"};
  std::string file, save, base;
  std::size_t chunk = 512, stride = 0, chunks = 0;
  bool json = false, verbose = false;
  CLI::Option *chunk_given = nullptr, *stride_given = nullptr, *chunks_given = nullptr;
};

garam::PerplexityOptions library_options(const Options& o) {
  garam::PerplexityOptions options;
  options.chunk = o.chunk;
  options.stride = o.stride;
  options.chunks = o.chunks;
  options.kv_type = o.cache.type();
  options.save_logits = o.save;
  options.base_logits = o.base;
  return options;
}

/// What is not given is as it was when the base's logits were saved.
void follow_base(const Options& o, const garam::SavedLogits& base, garam::PerplexityOptions& options) {
  if (!given(o.chunk_given)) options.chunk = base.chunk;
  if (!given(o.stride_given)) options.stride = base.stride;
  if (!given(o.chunks_given)) options.chunks = base.chunks;
}

void line(const char* name, const garam::Estimate& e, double unit = 1, const char* suffix = "") {
  print("{:<22}{:>13.6f} +/- {:.6f}{}\n", name, e.value * unit, e.error * unit, suffix);
}

void line(const char* name, double value) {
  print("{:<22}{:>13.6f}\n", name, value);
}

void print_comparison(const garam::KlDivergence& kl) {
  line("PPL of the base", kl.base_perplexity);
  line("PPL / PPL of the base", kl.perplexity_ratio);
  line("KL mean", kl.mean);
  line("KL median", kl.median);
  line("KL 90 %", kl.percentile_90);
  line("KL 95 %", kl.percentile_95);
  line("KL 99 %", kl.percentile_99);
  line("KL 99.9 %", kl.percentile_99_9);
  line("KL maximum", kl.maximum);
  line("same top token", kl.same_top, 100, " %");
  line("change of p, mean", kl.probability_change, 100, " %");
  line("change of p, rms", kl.probability_change_rms, 100, " %");
}

void print_report(const garam::Perplexity& result, const garam::PerplexityOptions& options) {
  const std::string stride = options.stride > 0 ? formatted(", stride {}", options.stride) : "";
  print("{} of {} tokens scored: {} chunks of {}{}\n", result.scored, result.tokens, result.chunks,
        options.chunk, stride);
  print("PPL = {:.4f} +/- {:.5f}\n", result.perplexity.value, result.perplexity.error);
  if (result.kl) print_comparison(*result.kl);
}

int run(const Options& o) {
  if (list_kernels(o.model)) return 0;
  o.model.check();
  if (o.file.empty() && o.base.empty()) throw UsageError("a text is needed: -f FILE");
  garam::PerplexityOptions options = library_options(o);
  // Before the model, which takes longer.
  const std::string text = o.file.empty() ? "" : read_file(o.file);
  garam::SavedLogits base;
  if (!o.base.empty()) {
    base = garam::inspect_saved_logits(o.base);
    follow_base(o, base, options);
  }
  const Interrupt interrupt;
  const garam::Model model = o.model.load(interrupt.token());
  if (options.chunk == 0) options.chunk = model.info().context;
  options.stop = interrupt.token();
  ProgressBar bar("perplexity");
  options.progress = bar.callback();
  if (o.verbose) {
    options.on_chunk = [&](std::size_t done, std::size_t chunks, double perplexity) {
      bar.clear();
      note("chunk {} of {}: PPL {:.4f} so far\n", done, chunks, perplexity);
    };
  }
  const garam::Perplexity result = o.file.empty() ? garam::perplexity(model, base.tokens, options)
                                                  : garam::perplexity(model, text, options);
  bar.clear();
  if (o.json) {
    print("{}\n", to_json(result, options));
  } else {
    print_report(result, options);
  }
  return 0;
}

}  // namespace

Run define_perplexity(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  o.model.define(app);
  add_text(app, "-f,--file", o.file, "Text; -: stdin; without it the tokens of --kl-base", "FILE");
  o.chunk_given = add_number(
      app, "-c,--ctx-size", o.chunk,
      "Tokens of a chunk, the second half of which is scored; 0: the model's context (512)", 0, kMaxContext);
  o.stride_given =
      add_number(app, "--stride,--ppl-stride", o.stride,
                 "Slide a window of -c + N / 2 tokens by N and score its last N; 0: chunks side by side", 0,
                 kMaxContext);
  o.chunks_given = add_number(app, "--chunks", o.chunks, "Chunks at most; 0: all (default)");
  add_text(app, "--save-kl", o.save,
           "Save the logits, for --kl-base of other models; 4 bytes x vocabulary a token", "FILE");
  add_text(app, "--kl-base", o.base,
           "Compare with the model that saved FILE; -c, --stride and --chunks follow it if not given",
           "FILE");
  add_flag(app, "--json", o.json, "One JSON object instead of text");
  add_flag(app, "-v,--verbose", o.verbose, "A line after each chunk, to stderr");
  o.cache.define(app);
  return [options] { return run(*options); };
}

}  // namespace cli
