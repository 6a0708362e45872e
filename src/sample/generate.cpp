// The loop over prefill, sample and step. Text leaves through TextOutput: whole characters, up to a stop
// string. Everything that rounds is in the sampler and in the session, which hold the float environment
// themselves, so that callbacks run in the caller's.
#include "garam/generate.h"

#include <chrono>
#include <optional>

#include "base/fail.h"
#include "base/float_env.h"
#include "sample/log_softmax.h"
#include "sample/stop_strings.h"

namespace garam {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

SamplerOptions sampler_options(const GenerateOptions& o) {
  return {.temperature = o.temperature,
          .top_k = o.top_k,
          .top_p = o.top_p,
          .min_p = o.min_p,
          .repeat_penalty = o.repeat_penalty,
          .presence_penalty = o.presence_penalty,
          .frequency_penalty = o.frequency_penalty,
          .repeat_last_n = o.repeat_last_n,
          .logit_bias = o.logit_bias,
          .seed = o.seed,
          .stream = o.stream};
}

/// From tokens to the callback and the result's text, which are the same bytes.
class TextOutput {
 public:
  TextOutput(const GenerateOptions& options, const TextCallback& on_text, std::string& text)
      : stops_(options.stop_strings), on_text_(on_text), text_(text) {}

  void start(const Tokenizer& tokenizer, DecodeOptions options, std::span<const std::int32_t> context) {
    stream_.emplace(tokenizer, options, context);
  }
  /// Whether to go on: neither a stop string nor the callback has ended the text.
  bool push(std::int32_t token) {
    emit(stops_.push(stream_->push(token)));
    return !stopped_by_callback_ && !stop_string();
  }
  /// Lets out what was held back: nothing can follow it.
  void finish() {
    emit(stops_.push(stream_->finish()));
    emit(stops_.finish());
  }
  std::optional<std::size_t> stop_string() const { return stops_.found(); }
  bool stopped_by_callback() const { return stopped_by_callback_; }

 private:
  void emit(const std::string& piece) {
    if (piece.empty() || stopped_by_callback_) return;
    text_ += piece;
    if (on_text_ && !on_text_(piece)) stopped_by_callback_ = true;
  }

  std::optional<TextStream> stream_;
  StopStrings stops_;
  const TextCallback& on_text_;
  std::string& text_;
  bool stopped_by_callback_ = false;
};

class Generation {
 public:
  Generation(Session& session, const GenerateOptions& options, const TextCallback& on_text)
      : session_(session),
        options_(options),
        tokenizer_(session.model().tokenizer()),
        sampler_(sampler_options(options)),
        output_(options_, on_text, result_.text) {
    const std::size_t vocab = session.model().info().vocab;
    for (const auto& [token, bias] : options_.logit_bias) {
      if (static_cast<std::size_t>(token) < vocab) continue;
      fail(ErrorCode::kArgument, "logit_bias: expected tokens 0 to {}, found {}", vocab - 1, token);
    }
  }

  GenerateResult run(std::span<const std::int32_t> prompt) {
    const auto start = Clock::now();
    const bool ready = unless_cancelled([&] { read(prompt); });
    result_.timings.prefill_seconds = seconds_since(start);
    if (!ready) return std::move(result_);

    result_.timings.prompt_tokens = prompt.size();
    const auto decode_start = Clock::now();
    output_.start(tokenizer_, {.special = options_.print_special}, session_.tokens());
    while (result_.tokens.size() < options_.max_tokens && next()) {
    }
    if (output_.stop_string()) result_.stop_string = options_.stop_strings[*output_.stop_string()];
    output_.finish();
    result_.timings.generated_tokens = result_.tokens.size();
    result_.timings.decode_seconds = seconds_since(decode_start);
    return std::move(result_);
  }

 private:
  void read(std::span<const std::int32_t> prompt) {
    if (!prompt.empty()) {
      session_.prefill(prompt, {.progress = options_.prefill_progress, .stop = options_.stop});
    } else if (session_.length() > 0) {
      read_last_again();
    } else {
      fail(ErrorCode::kArgument, "prompt: expected at least one token in an empty session, found none");
    }
  }

  /// After fork, truncate, load or forward() a session may have no logits for its last token, or others.
  void read_last_again() {
    const std::int32_t last = session_.tokens().back();
    Session again = session_.fork();  // so that the session stays whole if this fails
    again.truncate(session_.length() - 1);
    again.prefill({&last, 1}, {.stop = options_.stop});
    session_ = std::move(again);
  }

  /// One token: sampled, shown and, unless it is the last one, fed. Returns whether to go on.
  bool next() {
    const auto logits = session_.logits().last(session_.model().info().vocab);
    const std::int32_t token = sampler_.sample(logits, session_.tokens());
    result_.tokens.push_back(token);
    if (options_.logprobs || options_.top_logprobs > 0) add_logprob(logits, token);

    if (tokenizer_.is_end_of_generation(token) && !options_.ignore_end_of_generation) {
      return end(StopReason::kEndOfGeneration);
    }
    if (!output_.push(token)) {
      return end(output_.stopped_by_callback() ? StopReason::kCallback : StopReason::kStopString);
    }
    if (result_.tokens.size() == options_.max_tokens) return end(StopReason::kMaxTokens);
    return feed(token);
  }

  void add_logprob(std::span<const float> logits, std::int32_t token) {
    const FloatEnvironment environment;
    const LogSoftmax softmax(logits);
    result_.logprobs.push_back({{token, softmax.of(token)}, softmax.top(options_.top_logprobs)});
  }

  bool feed(std::int32_t token) {
    if (session_.length() == session_.context()) {
      if (options_.context_policy == ContextPolicy::kStop) return end(StopReason::kContextFull);
      output_.finish();
      fail(ErrorCode::kContextFull,
           "context full: {} tokens are held, {} of them generated, and the next one does not fit the "
           "session's "
           "context of {}; use a larger context or ContextPolicy::kStop",
           session_.length(), result_.tokens.size() - 1, session_.context());
    }
    // Checked here even if the session were too quick to notice: the last token is never fed.
    if (options_.stop.stop_requested()) return end(StopReason::kCancelled);
    return unless_cancelled([&] { session_.prefill({&token, 1}, {.stop = options_.stop}); });
  }

  bool end(StopReason reason) {
    result_.reason = reason;
    return false;
  }

  template <typename Work>
  bool unless_cancelled(Work&& work) {
    try {
      work();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
      return end(StopReason::kCancelled);
    }
    return true;
  }

  Session& session_;
  const GenerateOptions& options_;
  Tokenizer tokenizer_;
  Sampler sampler_;
  GenerateResult result_;
  TextOutput output_;
};

}  // namespace

std::string_view to_string(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::kEndOfGeneration:
      return "end-of-generation";
    case StopReason::kStopString:
      return "stop-string";
    case StopReason::kMaxTokens:
      return "max-tokens";
    case StopReason::kContextFull:
      return "context-full";
    case StopReason::kCallback:
      return "callback";
    case StopReason::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

GenerateResult generate(Session& session, std::string_view prompt, const GenerateOptions& options,
                        const TextCallback& on_text) {
  const EncodeOptions encode{.add_special = options.add_special && session.length() == 0,
                             .parse_special = options.parse_special};
  return generate(session, session.model().tokenizer().encode(prompt, encode), options, on_text);
}

GenerateResult generate(Session& session, std::span<const std::int32_t> prompt,
                        const GenerateOptions& options, const TextCallback& on_text) {
  return Generation(session, options, on_text).run(prompt);
}

}  // namespace garam
