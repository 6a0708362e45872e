// garam generate: the text on stdout, followed by one newline, and nothing else there.
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"
#include "json.h"

namespace cli {
namespace {

constexpr std::size_t kMaxBatch = 65536;  // of SessionOptions::batch

struct Options {
  ModelOptions model;
  CacheOptions cache;
  std::string prompt, positional_prompt, prompt_file;
  CLI::Option *has_prompt = nullptr, *has_positional = nullptr, *has_file = nullptr;
  std::int64_t predict = -1;
  std::size_t context = 0;
  std::size_t batch = 2048;
  std::size_t micro_batch = 512;
  std::int64_t seed = -1;
  garam::GenerateOptions generate;
  std::vector<std::string> logit_bias;
  CLI::Option* has_logprobs = nullptr;
  bool escape = false;
  bool ignore_eos = false;
  bool display_prompt = false;
  bool verbose_prompt = false;
  bool verbose = false;
  bool timings = true;
  bool quiet = false;
};

/// "ID+BIAS" or "ID-BIAS"; BIAS may be inf.
std::pair<std::int32_t, float> parse_bias(const std::string& text) {
  const auto wrong = [&] {
    return UsageError(formatted("--logit-bias: expected ID+BIAS or ID-BIAS, found \"{}\"", printable(text)));
  };
  const std::size_t sign = text.find_first_of("+-");
  if (sign == 0 || sign == std::string::npos) throw wrong();
  const std::string_view view = text;
  const auto id = to_number<std::int32_t>(view.substr(0, sign));
  const auto bias = to_number<float>(view.substr(sign + 1));
  if (!id || !bias) throw wrong();
  return {*id, text[sign] == '-' ? -*bias : *bias};
}

/// \n \t \r \" \' \\ and \xHH; other backslashes stay.
std::string unescape(const std::string& text) {
  constexpr std::string_view kLetters = "ntr\"'\\", kMeanings = "\n\t\r\"'\\";
  const auto hex = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    const std::size_t known = text[i] == '\\' && !last ? kLetters.find(text[i + 1]) : std::string_view::npos;
    if (known != std::string_view::npos) {
      out += kMeanings[known];
      ++i;
    } else if (text.compare(i, 2, "\\x") == 0 && i + 3 < text.size() && hex(text[i + 2]) >= 0 &&
               hex(text[i + 3]) >= 0) {
      out += static_cast<char>(hex(text[i + 2]) * 16 + hex(text[i + 3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string read_prompt(const Options& o) {
  if (!given(o.has_prompt) && !given(o.has_positional) && !given(o.has_file)) {
    throw UsageError("a prompt is needed: -p TEXT, -f FILE or TEXT");
  }
  std::string prompt = given(o.has_prompt) ? o.prompt : o.positional_prompt;
  if (given(o.has_file)) {
    prompt = read_file(o.prompt_file);
    if (!prompt.empty() && prompt.back() == '\n') prompt.pop_back();  // the one that editors add
  }
  return o.escape ? unescape(prompt) : prompt;
}

/// Everything about the options that can be wrong, before a model is read.
void complete(Options& o) {
  garam::GenerateOptions& g = o.generate;
  g.max_tokens =
      o.predict < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(o.predict);
  g.context_policy = o.predict < 0 ? garam::ContextPolicy::kStop : garam::ContextPolicy::kError;
  if (o.seed >= 0) {
    g.seed = static_cast<std::uint64_t>(o.seed);
  } else {
    std::random_device device;
    g.seed = (std::uint64_t{device()} << 32 | device()) >> 1;  // so that -s takes it back
  }
  for (const std::string& bias : o.logit_bias) g.logit_bias.push_back(parse_bias(bias));
  if (o.escape) {
    for (std::string& stop : g.stop_strings) stop = unescape(stop);
  }
  g.logprobs = given(o.has_logprobs);
  try {
    garam::Sampler({.temperature = g.temperature,
                    .top_k = g.top_k,
                    .top_p = g.top_p,
                    .min_p = g.min_p,
                    .repeat_penalty = g.repeat_penalty,
                    .presence_penalty = g.presence_penalty,
                    .frequency_penalty = g.frequency_penalty,
                    .repeat_last_n = g.repeat_last_n,
                    .logit_bias = g.logit_bias});
  } catch (const garam::Error& error) {
    throw UsageError(error.what());
  }
}

void ban_end_of_generation(const garam::Tokenizer& tokenizer, garam::GenerateOptions& options) {
  options.ignore_end_of_generation = true;
  for (std::size_t id = 0; id < tokenizer.size(); ++id) {
    const auto token = static_cast<std::int32_t>(id);
    if (!tokenizer.is_end_of_generation(token)) continue;
    options.logit_bias.emplace_back(token, -std::numeric_limits<float>::infinity());
  }
}

void note_prompt(const garam::Tokenizer& tokenizer, const std::vector<std::int32_t>& tokens) {
  note("prompt: {} tokens\n", tokens.size());
  for (const std::int32_t token : tokens) note("{:>8}  \"{}\"\n", token, printable(tokenizer.piece(token)));
}

void note_timings(const garam::GenerateResult& result) {
  const auto line = [](const char* what, std::size_t tokens, double seconds) {
    note("{}: {} tokens in {:.3f} s ({:.1f} tokens/s)\n", what, tokens, seconds,
         seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0);
  };
  line("prompt", result.timings.prompt_tokens, result.timings.prefill_seconds);
  line("generated", result.timings.generated_tokens, result.timings.decode_seconds);
  note("stopped: {}\n", garam::to_string(result.reason));
}

int run(Options& o) {
  if (list_kernels(o.model)) return 0;
  o.model.check();
  const garam::KvType kv_type = o.cache.type();
  const std::string prompt = read_prompt(o);
  complete(o);

  const Interrupt interrupt;
  const auto start = std::chrono::steady_clock::now();
  const garam::Model model = o.model.load(interrupt.token());
  const std::chrono::duration<double> load_seconds = std::chrono::steady_clock::now() - start;
  const garam::Tokenizer& tokenizer = model.tokenizer();
  garam::Session session(
      model, {.context = o.context, .kv_type = kv_type, .batch = std::min(o.batch, o.micro_batch)});
  if (o.ignore_eos) ban_end_of_generation(tokenizer, o.generate);
  const auto tokens = tokenizer.encode(prompt, {.parse_special = o.generate.parse_special});
  if (o.verbose) note("kernels: {}\nthreads: {}\n", model.kernel_description(), model.threads());
  if (o.verbose_prompt) note_prompt(tokenizer, tokens);
  if (o.generate.temperature > 0 && !o.quiet) note("seed: {}\n", o.generate.seed);

  ProgressBar bar("prompt");
  o.generate.stop = interrupt.token();
  o.generate.prefill_progress = bar.callback();
  bool shown = false;
  const auto show = [&](std::string_view piece) {
    bar.clear();
    write_out(piece);
    return shown = true;
  };
  if (o.display_prompt && !prompt.empty()) show(prompt);
  garam::GenerateResult result;
  try {
    result = garam::generate(session, tokens, o.generate, show);
  } catch (const garam::Error&) {
    bar.clear();
    if (shown) write_out("\n");
    throw;
  }
  bar.clear();
  write_out("\n");
  for (const garam::GeneratedLogprob& logprob : result.logprobs) note("{}\n", to_json(tokenizer, logprob));
  if (o.timings && !o.quiet) {
    const bool mapped = model.pack_cache().use == garam::PackCacheUse::kHit;
    note("loaded: {:.3f} s{}\n", load_seconds.count(), mapped ? ", weights from the pack cache" : "");
    note_timings(result);
  }
  return result.reason == garam::StopReason::kCancelled ? kExitInterrupted : 0;
}

}  // namespace

Run define_generate(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  garam::GenerateOptions& g = o.generate;
  const auto number = [&](const char* names, auto& value, const std::string& help, auto... bounds) {
    return add_number(app, names, value, help, bounds...);
  };
  o.model.define(app);
  o.has_prompt = add_text(app, "-p,--prompt", o.prompt, "The prompt; may be empty", "TEXT");
  o.has_positional = add_text(app, "TEXT", o.positional_prompt, "The prompt, as with -p");
  o.has_file = add_text(app, "-f,--file", o.prompt_file,
                        "Read the prompt from a file; -: stdin; less one final newline", "FILE");
  exclude(o.has_file, {o.has_prompt, o.has_positional});
  exclude(o.has_prompt, {o.has_positional});
  number("-n,--predict,--n-predict", o.predict,
         "Most tokens to generate; -1: to the end of the text or of the context (default)", -1);
  number("-c,--ctx-size", o.context, "Context in tokens; 0: the model's (default)", 0, kMaxContext);
  number("-b,--batch-size", o.batch, "Prompt tokens computed at once: the smaller of -b (2048) and -ub (512)",
         1);
  number("--ubatch-size", o.micro_batch, "See --batch-size; also written -ub", 1, kMaxBatch);
  number("-s,--seed", o.seed, "Seed of the sampler; -1: a random one, told on stderr (default)", -1);
  number("--temp,--temperature", g.temperature, "Temperature; 0: always the most likely token (0.8)");
  number("--top-k", g.top_k, "Keep the k most likely tokens; 0: all (40)");
  number("--top-p", g.top_p, "Keep the fewest tokens with this probability; 1: all (0.95)");
  number("--min-p", g.min_p, "Drop tokens below this share of the most likely one; 0: none (0.05)");
  number("--repeat-penalty", g.repeat_penalty, "Penalty factor of recent tokens; 1: none (1)");
  number("--repeat-last-n", g.repeat_last_n, "Tokens that count as recent; 0: none, -1: all (64)");
  number("--presence-penalty", g.presence_penalty, "Subtracted from the logit of recent tokens (0)");
  number("--frequency-penalty", g.frequency_penalty, "Subtracted from it once per occurrence (0)");
  add_repeated(app, "-l,--logit-bias", o.logit_bias, "Add to a token's logit, for instance 15043+1 or 2-inf",
               "ID(+|-)BIAS");
  add_repeated(app, "-r,--reverse-prompt,--stop", g.stop_strings, "End before this text; may be repeated",
               "TEXT");
  add_flag(app, "--ignore-eos", o.ignore_eos, "Never generate an end-of-generation token");
  add_flag(app, "-e,--escape,!--no-escape", o.escape,
           "Read \\n, \\t, \\x41 and so on in the prompt and in stop strings");
  add_flag(app, "--parse-special", g.parse_special, "Read control tokens written in the prompt");
  add_flag(app, "--special", g.print_special, "Print control tokens");
  add_flag(app, "--display-prompt,!--no-display-prompt", o.display_prompt,
           "Print the prompt before the text");
  add_flag(app, "--verbose-prompt", o.verbose_prompt, "List the prompt's tokens on stderr");
  add_flag(app, "-v,--verbose", o.verbose, "Tell on stderr which kernels compute");
  add_flag(app, "--timings,!--no-timings,--perf,!--no-perf", o.timings, "Tell timings on stderr (default)");
  add_flag(app, "--log-disable", o.quiet, "Tell nothing on stderr but errors");
  add_idle_flag(app, "--no-conversation,--no-mmap", "What garam does anyway; for those used to llama.cpp");
  o.has_logprobs =
      number("--logprobs", g.top_logprobs,
             "Per token a line of JSON on stderr: its log-probability and those of the N most likely");
  o.cache.define(app);
  return [options] { return run(*options); };
}

}  // namespace cli
