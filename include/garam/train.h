// Training: language models from text, and fine-tuning of model files, whole or by low-rank adapters. Part of
// the library garam::train. The same data, configuration and seed give the same file, byte for byte, on any
// machine, with any kernel set and number of threads, interrupted or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "garam/kernel_set.h"
#include "garam/model.h"

namespace garam {

/// Hyper-parameters of a model that is begun from random weights: normal with initial_deviation, matrices
/// that end a residual branch divided by sqrt(2 layers) (Radford et al. 2019), norms 1, biases 0.
struct TrainModel {
  std::string architecture = "llama";  ///< "llama", "qwen2" or "gpt2"
  std::size_t layers = 6;
  std::size_t width = 192;   ///< of the residual stream (embedding length)
  std::size_t heads = 6;     ///< of attention
  std::size_t kv_heads = 0;  ///< heads with keys and values of their own; 0: as many as heads
  std::size_t head_dim = 0;  ///< 0: width / heads
  std::size_t hidden = 0;    ///< of the feed-forward network; 0: 4 width for gpt2, else 8/3 width up to 32s
  double rope_base = 10000;  ///< of rotary positions
  double norm_eps = 1e-5;
  bool tied = true;  ///< one matrix for embedding and output
  /// Above 0, at most 1. 0.02 is made for widths from 768 on; small models learn to attend much sooner with
  /// about 1 / sqrt(width).
  double initial_deviation = 0.02;
};

/// Low-rank adapters (Hu et al. 2021): each target W trains as W + alpha / rank * B A, and W stays.
struct TrainLora {
  std::size_t rank = 8;
  double alpha = 16;
  /// Names of tensors without "blk.N." and ".weight".
  std::vector<std::string> targets = {"attn_q", "attn_k", "attn_v", "attn_output"};
};

/// A training run: what train() reads from its JSON file under the same names. "Decides" below means: another
/// value, another file.
struct TrainConfig {
  std::string source = "training";  ///< names the configuration in messages; not a key of the file

  // What is trained: either a new model or one that is there. Decide.
  TrainModel model{};             ///< object
  std::string base{};             ///< model file or folder to fine-tune; empty: a new model
  std::optional<TrainLora> lora;  ///< object; train adapters of `base` in its place
  std::string tokenizer{};        ///< GGUF file with the vocabulary; empty: that of `base`

  // The data. Decide.
  std::vector<std::string> data{};      ///< plain text, or, where a name ends in .jsonl, JSON lines
  std::vector<std::string> held_out{};  ///< measured, not trained on
  double held_out_share = 0;            ///< of `data`, where held_out is empty: its last texts or windows
  bool shuffle = true;  ///< windows and texts in a new order in every epoch; false: as they stand
  std::uint64_t seed = 1;

  // The schedule. Decide.
  std::size_t context = 256;    ///< tokens of a window; longer texts are cut
  std::size_t batch = 16;       ///< windows of a step; texts are packed into batch * context tokens
  std::uint64_t steps = 1000;   ///< optimiser steps
  double learning_rate = 1e-3;  ///< the highest
  double min_learning_rate = 1e-4;
  std::uint64_t warmup = 100;                        ///< steps until the highest is reached
  std::string schedule = "cosine";                   ///< or "linear", "constant"
  double weight_decay = 0.1;                         ///< of matrices, not of norms and biases
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;  ///< AdamW (Loshchilov and Hutter 2017)
  double clip = 1;                                   ///< largest norm of all gradients; 0: none

  // What is seen of it. Decides nothing but where results lie, and `type` the encoding of the model.
  std::string output{};      ///< the model file, or the adapter's
  std::string type = "f32";  ///< of its weights, as quantize() takes it
  std::uint64_t evaluate_every =
      100;  ///< steps between two measurements of the held-out loss; 0: only at the end
  std::size_t evaluate_tokens = 65536;   ///< of held-out text at most; 0: all
  std::uint64_t checkpoint_every = 500;  ///< steps; 0: only when interrupted
  std::string checkpoint{};              ///< file; empty: `output`.checkpoint
  std::size_t micro_batch = 0;           ///< tokens that are computed at once, at least `context`; 0: 4096
  bool curve = true;                     ///< write `output`.csv and `output`.svg

  /// From a JSON file. Relative paths in it are relative to the current folder. Throws Error: kIo, kFormat
  /// (no JSON, a key that is unknown or of another kind), kArgument.
  static TrainConfig read(const std::string& path);
};

/// After every step, from the thread that called train().
struct TrainStatus {
  std::uint64_t step = 0;  ///< done, of `steps`
  std::uint64_t steps = 0;
  std::uint64_t tokens = 0;        ///< of this run so far, without those before it was resumed
  double loss = 0;                 ///< of the step, nats a label
  std::optional<double> held_out;  ///< where it was measured after this step
  double learning_rate = 0;
  double gradient_norm = 0;      ///< before clipping
  double tokens_per_second = 0;  ///< of the last steps
  double seconds_left = 0;
};

/// What to do with a checkpoint that is there.
enum class Resume {
  kRefuse,  ///< Error(kArgument): somebody's hours may be in it
  kResume,  ///< go on from it; begin where there is none
  kRestart  ///< begin anew
};

struct TrainOptions {
  unsigned threads = 0;                  ///< as LoadOptions::threads
  KernelSet kernels = KernelSet::kAuto;  ///< as LoadOptions::kernels
  Resume resume = Resume::kRefuse;
  std::function<void(const TrainStatus&)> on_step{};
  /// Ends the run behind the current step with a checkpoint and Error(kCancelled).
  std::stop_token stop{};
};

/// A finished run.
struct TrainReport {
  std::uint64_t steps = 0;
  std::uint64_t tokens = 0;        ///< of this run
  std::size_t parameters = 0;      ///< of the model
  std::size_t trained = 0;         ///< of them, or of the adapters
  double loss = 0;                 ///< of the last step
  std::optional<double> held_out;  ///< at the end
};

/// Trains and writes `config.output`, whole or not at all; until then checkpoints. Gradients are summed in
/// the order of the batch, so neither threads nor micro_batch decide a bit (docs/training.md has the order of
/// every operation).
///
/// Throws Error: kArgument and kFormat for configuration and data, naming file, line and key; kIo;
/// kUnsupported (a base whose architecture or options garam does not train); kOutOfMemory; kNonFinite when
/// loss or gradients are not finite, naming step and last checkpoint; kCancelled. Calls with different
/// outputs may run at once.
TrainReport train(const TrainConfig& config, const TrainOptions& options = {});

}  // namespace garam
