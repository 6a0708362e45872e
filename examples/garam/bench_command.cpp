// garam bench: tokens a second for reading a prompt, for generating, and for generating several sequences in
// one batch. Token ids come from a fixed generator; one run of each test warms up and is not counted.
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"
#include "json.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxRepetitions = 1000000;

struct Options {
  ModelOptions model;
  CacheOptions cache;
  std::size_t prompt = 256;
  std::size_t generate = 32;
  std::string batches = "1";
  std::size_t depth = 0;
  std::size_t repetitions = 3;
  std::string output = "md";
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

/// Knuth's 64-bit linear congruential generator: the same ids in every run.
class Tokens {
 public:
  explicit Tokens(std::size_t vocab) : vocab_(vocab) {}
  std::int32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int32_t>((state_ >> 33) % vocab_);
  }

 private:
  std::uint64_t vocab_;
  std::uint64_t state_ = 1;
};

class Bench {
 public:
  Bench(const garam::Model& model, const Options& options, std::stop_token stop)
      : model_(model),
        options_(options),
        session_options_{.context = options.depth + std::max(options.prompt, options.generate),
                         .kv_type = options.cache.type()},
        stop_(std::move(stop)),
        tokens_(model.info().vocab) {}

  BenchResult prompt() {
    garam::Session session = deep_session();
    std::vector<std::int32_t> prompt(options_.prompt);
    for (std::int32_t& token : prompt) token = tokens_.next();
    return measure(formatted("pp{}", prompt.size()), prompt.size(), [&] {
      rewind(session);
      const auto start = Clock::now();
      session.prefill(prompt, {.stop = stop_});
      return seconds_since(start);
    });
  }

  BenchResult generation(std::size_t sequences) {
    std::vector<garam::Session> sessions;
    for (std::size_t i = 0; i < sequences; ++i) sessions.push_back(deep_session());
    std::vector<garam::Row> rows(sequences);
    std::string name = formatted("tg{}", options_.generate);
    if (sequences > 1) name += formatted("@{}", sequences);
    return measure(name, options_.generate * sequences, [&] {
      for (garam::Session& session : sessions) rewind(session);
      const auto start = Clock::now();
      for (std::size_t step = 0; step < options_.generate; ++step) {
        for (std::size_t i = 0; i < sequences; ++i) rows[i] = {&sessions[i], tokens_.next(), true};
        garam::forward(rows, stop_);
      }
      return seconds_since(start);
    });
  }

 private:
  /// A session that holds as many tokens as what is measured has before it. They are its own: a fork would
  /// share them, and several sequences would read less memory than they do.
  garam::Session deep_session() {
    garam::Session session(model_, session_options_);
    std::vector<std::int32_t> before(options_.depth);
    for (std::int32_t& token : before) token = tokens_.next();
    session.prefill(before, {.stop = stop_});
    return session;
  }

  /// Back to the depth; where a sliding window has dropped what that needs, by reading it again.
  void rewind(garam::Session& session) {
    try {
      session.truncate(options_.depth);
    } catch (const garam::Error&) {
      const auto first = session.tokens().begin();
      const std::vector<std::int32_t> before(first, first + static_cast<std::ptrdiff_t>(options_.depth));
      session.truncate(0);
      session.prefill(before, {.stop = stop_});
    }
  }

  template <typename Run>
  BenchResult measure(std::string test, std::size_t tokens, Run&& run) {
    if (options_.depth > 0) test += formatted(" @ d{}", options_.depth);
    run();
    std::vector<double> speeds;
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < options_.repetitions; ++i) {
      speeds.push_back(static_cast<double>(tokens) / std::max(run(), 1e-9));
      sum += speeds.back();
    }
    const double mean = sum / static_cast<double>(speeds.size());
    for (const double speed : speeds) squares += (speed - mean) * (speed - mean);
    const double deviation =
        speeds.size() > 1 ? std::sqrt(squares / static_cast<double>(speeds.size() - 1)) : 0.0;
    return {std::move(test), mean, deviation};
  }

  const garam::Model& model_;
  const Options& options_;
  garam::SessionOptions session_options_;
  std::stop_token stop_;
  Tokens tokens_;
};

std::vector<std::size_t> parse_batches(const std::string& text) {
  std::vector<std::size_t> batches;
  try {
    for (const std::int32_t n : parse_ids(text, "")) {
      if (n < 1 || n > 4096) throw UsageError("");
      batches.push_back(static_cast<std::size_t>(n));
    }
  } catch (const std::runtime_error&) {
    batches.clear();
  }
  if (batches.empty()) {
    throw UsageError(formatted("--batch: expected numbers from 1 to 4096, found \"{}\"", printable(text)));
  }
  return batches;
}

std::string to_markdown(const BenchReport& report) {
  constexpr double kMiB = 1024 * 1024;
  std::string text = formatted(
      "{}: {:.1f} MiB, {} threads, kernels {}, loaded in {:.2f} s, peak memory {:.1f} MiB\n\n"
      "| test | tokens/s | +- |\n| --- | ---: | ---: |\n",
      printable(report.model), static_cast<double>(report.size_bytes) / kMiB, report.threads, report.kernels,
      report.load_seconds, static_cast<double>(report.peak_rss_bytes) / kMiB);
  for (const BenchResult& r : report.results)
    text += formatted("| {} | {:.2f} | {:.2f} |\n", r.test, r.mean, r.deviation);
  return text;
}

int run(const Options& o) {
  if (list_kernels(o.model)) return 0;
  o.model.check();
  const auto batches = parse_batches(o.batches);
  o.cache.type();

  const Interrupt interrupt;
  const auto start = Clock::now();
  const garam::Model model = o.model.load(interrupt.token());
  BenchReport report{.model = o.model.name(),
                     .size_bytes = model.info().file_bytes,
                     .threads = model.threads(),
                     .kernels = model.kernel_description(),
                     .load_seconds = seconds_since(start),
                     .peak_rss_bytes = 0,
                     .results = {}};
  Bench bench(model, o, interrupt.token());
  const auto add = [&](BenchResult result) {
    note("{}: {:.2f} tokens/s\n", result.test, result.mean);
    report.results.push_back(std::move(result));
  };
  if (o.prompt > 0) add(bench.prompt());
  for (const std::size_t sequences : batches) {
    if (o.generate > 0) add(bench.generation(sequences));
  }
  report.peak_rss_bytes = peak_rss_bytes();
  write_out(o.output == "json" ? to_json(report) + "\n" : to_markdown(report));
  return 0;
}

}  // namespace

Run define_bench(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  o.model.define(app);
  add_number(app, "-p,--n-prompt", o.prompt, "Tokens of the prompt to read; 0: skip (256)", 0, kMaxContext);
  add_number(app, "-n,--n-gen", o.generate, "Tokens to generate; 0: skip (32)", 0, kMaxContext);
  add_text(app, "-b,--batch", o.batches, "Numbers of sequences generated together, for instance 1,8,32 (1)",
           "N,...");
  add_number(app, "-d,--n-depth", o.depth, "Tokens held before each test begins (0)", 0, kMaxContext / 2);
  add_number(app, "-r,--repetitions", o.repetitions, "Runs of each test, after one to warm up (3)", 1,
             kMaxRepetitions);
  add_choice(app, "-o,--output", o.output, "md (default) or json", "FORMAT", {"md", "json"});
  o.cache.define(app);
  return [options] { return run(*options); };
}

}  // namespace cli
