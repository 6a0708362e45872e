// A training run from its configuration to its file.
#include "garam/train.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/printable.h"
#include "garam/quantize.h"
#include "model/open_model.h"
#include "runtime/kernel_choice.h"
#include "train/checkpoint.h"
#include "train/model_io.h"
#include "train/optimiser.h"
#include "train/schedule.h"

namespace garam {
namespace training {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMicroBatch = 4096;

Decay decay_of(const TrainConfig& config) {
  if (config.schedule == "cosine") return Decay::kCosine;
  if (config.schedule == "linear") return Decay::kLinear;
  if (config.schedule == "constant") return Decay::kConstant;
  fail(ErrorCode::kArgument, "{}: schedule: expected cosine, linear or constant, found \"{}\"", config.source,
       config.schedule);
}

void check(const TrainConfig& c) {
  const auto need = [&](bool holds, const char* what) {
    if (!holds) fail(ErrorCode::kArgument, "{}: {}", c.source, what);
  };
  need(!c.output.empty(), "output: the file to write is needed");
  need(!c.data.empty(), "data: a file with text is needed");
  need(c.context >= 1 && c.context <= std::size_t{1} << 20, "context: expected 1 to 1048576");
  need(c.batch >= 1 && c.batch <= std::size_t{1} << 20, "batch: expected 1 to 1048576");
  need(c.batch * c.context <= std::size_t{1} << 30, "batch: expected at most 2^30 tokens a step");
  need(c.steps >= 1, "steps: expected at least 1");
  need(c.min_learning_rate <= c.learning_rate, "min_learning_rate: expected at most learning_rate");
  need(c.micro_batch == 0 || c.micro_batch >= c.context, "micro_batch: expected at least context");
  need(!c.lora || !c.base.empty(), "lora: adapters belong to a model: base is needed");
  need(!c.lora || c.lora->rank >= 1, "lora: rank: expected at least 1");
  need(!c.base.empty() || !c.tokenizer.empty(),
       "tokenizer: a GGUF file with a vocabulary is needed for a new model");
  need(c.held_out_share >= 0 && c.held_out_share < 1, "held_out_share: expected 0 to 1");
  decay_of(c);
  // What only the end of a run would find out.
  const auto types = quantize_types();
  const auto same = [&](std::string_view name) {
    return std::equal(name.begin(), name.end(), c.type.begin(), c.type.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  };
  if (std::none_of(types.begin(), types.end(), same)) {
    fail(ErrorCode::kArgument, "{}: type: expected one of {}, found \"{}\"", c.source, joined(types),
         printable(c.type));
  }
  const AtomicFile writable(c.output);
}

/// The tail of the training samples, taken away from them.
std::vector<Sample> split_off(Dataset& data, double share) {
  const auto count = static_cast<std::size_t>(std::ceil(share * static_cast<double>(data.samples.size())));
  const std::size_t kept = data.samples.size() - std::min(count, data.samples.size() - 1);
  std::vector<Sample> tail(data.samples.begin() + static_cast<std::ptrdiff_t>(kept), data.samples.end());
  data.samples.resize(kept);
  return tail;
}

class Run {
 public:
  Run(const TrainConfig& config, const TrainOptions& options)
      : config_(config),
        options_(options),
        choice_(choose_kernels(options.kernels)),
        workers_(options.threads != 0 ? options.threads : default_threads()),
        pool_(workers_),
        lease_(pool_.try_acquire()),
        context_(choice_.table, &pool_, workers_),
        scratch_(workers_) {
    check(config);
    if (!config.base.empty()) base_ = open_model(config.base);
    vocabulary_ =
        open_model(config.tokenizer.empty() ? config.base : config.tokenizer, ModelParts::kVocabulary);
    const Tokenizer tokenizer =
        garam::load_tokenizer(config.tokenizer.empty() ? config.base : config.tokenizer);
    read_data(tokenizer);
    make_network(tokenizer.size());
    order_.emplace(data_, config.batch * config.context, config.shuffle, config.seed);
    resume();
  }
  ~Run() {
    if (lease_) pool_.release();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  TrainReport run() {
    began_ = Clock::now();
    while (state_.step < config_.steps) {
      if (options_.stop.stop_requested()) interrupt();
      step();
      const bool last = state_.step == config_.steps;
      if (!last && config_.checkpoint_every > 0 && state_.step % config_.checkpoint_every == 0) save();
    }
    write_model();
    return report();
  }

 private:
  std::string checkpoint_path() const {
    return config_.checkpoint.empty() ? config_.output + ".checkpoint" : config_.checkpoint;
  }
  std::size_t micro_rows() const {
    const std::size_t rows =
        config_.micro_batch > 0 ? config_.micro_batch : std::max(kMicroBatch, config_.context);
    return std::min(rows, std::max(config_.batch, std::size_t{1}) * config_.context);
  }

  void read_data(const Tokenizer& tokenizer) {
    data_ = read_dataset(tokenizer, config_.data, config_.context, options_.stop);
    if (!config_.held_out.empty()) {
      held_out_ = read_dataset(tokenizer, config_.held_out, config_.context, options_.stop);
      held_out_samples_ = held_out_.samples;
    } else if (config_.held_out_share > 0) {
      held_out_samples_ = split_off(data_, config_.held_out_share);
    }
    if (config_.evaluate_tokens == 0) return;
    std::size_t rows = 0, kept = 0;
    while (kept < held_out_samples_.size() && rows < config_.evaluate_tokens)
      rows += held_out_samples_[kept++].length;
    held_out_samples_.resize(kept);
  }

  void make_network(std::size_t vocab) {
    const Shape shape = base_ ? shape_of(*base_) : new_shape(config_, vocab);
    if (base_ && shape.vocab < vocab) {
      fail(ErrorCode::kArgument, "{}: tokenizer: {} has {} tokens, {} only {}", config_.source,
           config_.tokenizer, vocab, config_.base, shape.vocab);
    }
    if (config_.context > shape.context) {
      fail(ErrorCode::kArgument, "{}: context: {} was made for {} tokens, found {}", config_.source,
           config_.base, shape.context, config_.context);
    }
    std::optional<LoraOptions> lora;
    if (config_.lora) lora = LoraOptions{config_.lora->rank, config_.lora->alpha, config_.lora->targets};
    network_ = Network::make(shape, micro_rows(), lora);
    initialise(*network_, config_.model.initial_deviation, config_.seed);
    if (base_) load_values(*network_, *base_);
  }

  /// A hash of all that decides the result.
  std::uint64_t fingerprint() const {
    const TrainConfig& c = config_;
    std::string text = formatted("{} {} {} {} {} {} {} {} {} {} {} {} {} {}", c.shuffle, c.seed, c.context,
                                 c.batch, c.steps, c.learning_rate, c.min_learning_rate, c.warmup, c.schedule,
                                 c.weight_decay, c.beta1, c.beta2, c.epsilon, c.clip);
    if (c.lora) text += formatted(" lora {} {}", c.lora->rank, c.lora->alpha);
    std::uint64_t hash = hash_bytes(text.data(), text.size(), data_.hash());
    for (const Parameter& p : network_->parameters().all()) {
      hash = hash_mix(hash, hash_bytes(p.name.data(), p.name.size()));
      // As they begin: the base's values, or those of the seed.
      hash = hash_mix(hash, hash_bytes(p.value.data, p.value.rows * p.value.stride * sizeof(float)));
    }
    return hash;
  }

  void resume() {
    fingerprint_ = fingerprint();
    const std::string path = checkpoint_path();
    if (!std::filesystem::exists(path) || options_.resume == Resume::kRestart) return;
    if (options_.resume == Resume::kRefuse) {
      fail(ErrorCode::kArgument,
           "{}: the checkpoint of an earlier run is there: resume it, or restart (--resume, --restart)",
           path);
    }
    state_ = load_checkpoint(path, fingerprint_, network_->parameters());
    if (state_.position.index > data_.samples.size() || state_.step > config_.steps) {
      fail(ErrorCode::kFormat,
           "{}: its position (step {}, sample {}) lies behind the run's {} steps and {} samples", path,
           state_.step, state_.position.index, config_.steps, data_.samples.size());
    }
    order_->go_to(state_.position);
    saved_ = state_.step;
  }

  void step() {
    const std::vector<Sample> samples = order_->next();
    const std::vector<Batch> batches = batches_of(data_, samples, micro_rows());
    std::size_t labels = 0, rows = 0;
    for (const Batch& batch : batches) {
      labels += batch.labelled();
      rows += batch.rows();
    }
    Parameters& parameters = network_->parameters();
    parameters.clear_gradients();
    double loss = 0;
    for (const Batch& batch : batches) {
      if (options_.stop.stop_requested()) interrupt();
      loss += network_->run(context_, scratch_, batch, 1.0f / static_cast<float>(labels));
    }
    network_->end_gradients(context_);
    loss /= static_cast<double>(labels);
    const double norm = gradient_norm(context_, parameters);
    if (!std::isfinite(loss) || !std::isfinite(norm)) diverged(loss);
    const Schedule schedule = {config_.learning_rate, config_.min_learning_rate, config_.warmup,
                               config_.steps, decay_of(config_)};
    const double rate = learning_rate(schedule, state_.step);
    adamw(context_, parameters,
          {config_.beta1, config_.beta2, config_.epsilon, config_.weight_decay, config_.clip}, rate,
          state_.step + 1, norm);
    ++state_.step;
    state_.tokens += rows;
    tokens_ += rows;
    state_.position = order_->position();
    CurvePoint point = {state_.step, state_.tokens, loss, std::numeric_limits<double>::quiet_NaN(),
                        rate,        norm};
    const bool last = state_.step == config_.steps;
    if (!held_out_samples_.empty() &&
        (last || (config_.evaluate_every > 0 && state_.step % config_.evaluate_every == 0))) {
      point.held_out = held_out_loss();
    }
    state_.curve.push_back(point);
    tell(point, rows);
  }

  double held_out_loss() {
    const Dataset& data = config_.held_out.empty() ? data_ : held_out_;
    double loss = 0;
    std::size_t labels = 0;
    for (const Batch& batch : batches_of(data, held_out_samples_, micro_rows())) {
      if (options_.stop.stop_requested()) break;  // the step is done; the run ends behind it
      loss += network_->run(context_, scratch_, batch, 0);
      labels += batch.labelled();
    }
    return labels > 0 ? loss / static_cast<double>(labels) : std::numeric_limits<double>::quiet_NaN();
  }

  void tell(const CurvePoint& point, std::size_t rows) {
    if (!options_.on_step) return;
    const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    TrainStatus status;
    status.step = point.step;
    status.steps = config_.steps;
    status.tokens = tokens_;
    status.loss = point.loss;
    if (!std::isnan(point.held_out)) status.held_out = point.held_out;
    status.learning_rate = point.learning_rate;
    status.gradient_norm = point.gradient_norm;
    // Over about the last ten steps.
    const double took = seconds - last_seconds_;
    last_seconds_ = seconds;
    recent_seconds_ = recent_seconds_ * 0.9 + took;
    recent_tokens_ = recent_tokens_ * 0.9 + static_cast<double>(rows);
    status.tokens_per_second = recent_tokens_ / recent_seconds_;
    const double tokens_a_step = static_cast<double>(state_.tokens) / static_cast<double>(state_.step);
    status.seconds_left =
        static_cast<double>(config_.steps - state_.step) * tokens_a_step / status.tokens_per_second;
    options_.on_step(status);
  }

  void save() {
    save_checkpoint(checkpoint_path(), fingerprint_, network_->parameters(), state_);
    saved_ = state_.step;
  }

  [[noreturn]] void interrupt() {
    if (state_.step > saved_) save();
    fail(ErrorCode::kCancelled, "training was interrupted behind step {}; {}", state_.step,
         saved_ > 0 ? checkpoint_path() + " holds it" : "nothing was saved");
  }

  [[noreturn]] void diverged(double loss) const {
    fail(ErrorCode::kNonFinite,
         "{}: step {}: {} not finite: a smaller learning_rate, a longer warmup or clip helps; {}",
         config_.source, state_.step + 1, std::isfinite(loss) ? "gradients are" : "the loss is",
         saved_ > 0 ? formatted("{} holds step {}", checkpoint_path(), saved_)
                    : "no checkpoint was written yet");
  }

  void write_file(const std::string& path, const std::string& text) const {
    AtomicFile file(path);
    file.write(std::as_bytes(std::span(text)));
    file.commit();
  }

  void write_model() {
    const std::string& output = config_.output;
    if (config_.lora) {
      adapter_writer(*network_).write(output);
    } else if (config_.type == "f32") {
      model_writer(*network_, *vocabulary_, base_.get()).write(output);
    } else {
      const std::string whole = output + ".f32";
      model_writer(*network_, *vocabulary_, base_.get()).write(whole);
      quantize(whole, output, config_.type, {.threads = options_.threads, .kernels = options_.kernels});
      std::filesystem::remove(whole);
    }
    if (config_.curve) {
      write_file(output + ".csv", curve_csv(state_.curve));
      write_file(output + ".svg", curve_svg(state_.curve));
    }
    std::error_code ignored;
    std::filesystem::remove(checkpoint_path(), ignored);
  }

  TrainReport report() const {
    TrainReport report;
    report.steps = state_.step;
    report.tokens = tokens_;
    report.parameters = network_->parameters().count();
    report.trained = network_->parameters().trained();
    report.loss = state_.curve.back().loss;
    if (!std::isnan(state_.curve.back().held_out)) report.held_out = state_.curve.back().held_out;
    return report;
  }

  const TrainConfig& config_;
  const TrainOptions& options_;
  KernelChoice choice_;
  unsigned workers_;
  ThreadPool pool_;
  bool lease_;
  Context context_;
  Scratch scratch_;
  std::unique_ptr<ModelFile> base_, vocabulary_;
  Dataset data_, held_out_;
  std::vector<Sample> held_out_samples_;
  std::unique_ptr<Network> network_;
  std::optional<Order> order_;
  RunState state_;
  std::uint64_t fingerprint_ = 0;
  std::uint64_t saved_ = 0;  // step of the checkpoint
  std::uint64_t tokens_ = 0;
  Clock::time_point began_;
  double last_seconds_ = 0, recent_seconds_ = 0, recent_tokens_ = 0;
};

}  // namespace
}  // namespace training

TrainReport train(const TrainConfig& config, const TrainOptions& options) {
  const FloatEnvironment environment;
  return training::Run(config, options).run();
}

}  // namespace garam
