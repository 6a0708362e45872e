// A model in training: what all architectures have in common. Each is one file that reads straight down,
// forward and then backward (llama.cpp, gpt2.cpp).
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "core/workspace.h"
#include "train/attention.h"
#include "train/layers.h"
#include "train/parameters.h"

namespace garam::training {

/// Hyper-parameters, by the names of GGUF's keys.
struct Shape {
  std::string architecture;  // "llama", "qwen2" or "gpt2"
  std::size_t vocab = 0;
  std::size_t context = 0;
  std::size_t layers = 0;
  std::size_t width = 0;
  std::size_t hidden = 0;
  AttentionShape attention{};
  float eps = 1e-5f;
  ops::RopeOptions rope;            // not of gpt2
  std::vector<float> rope_factors;  // [rope.dims / 2] divisors of frequencies, or empty
  bool biases = false;              // of q, k and v; gpt2 has all
  bool tied = true;                 // the output matrix is the embedding

  /// Throws Error(kArgument) that names the first senseless number; `where` begins the message.
  void check(const std::string& where) const;
};

/// Low-rank adapters in the place of training the weights themselves.
struct LoraOptions {
  std::size_t rank = 0;
  double alpha = 0;
  std::vector<std::string> targets;  // "attn_q", "ffn_up", ..; names of tensors without blk.N. and .weight
};

/// Rows of several texts, one behind the other.
struct Batch {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> labels;  // the token that follows, or kNoLabel
  std::vector<Segment> segments;     // all rows, in order

  std::size_t rows() const { return tokens.size(); }
  std::size_t labelled() const;
  /// Of every row in its text.
  std::vector<std::int32_t> positions() const;
};

class Network {
 public:
  /// Room for batches of up to `rows` rows in segments of up to shape.context. With `lora` everything else is
  /// frozen.
  static std::unique_ptr<Network> make(const Shape& shape, std::size_t rows,
                                       const std::optional<LoraOptions>& lora);

  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const Shape& shape() const { return shape_; }
  Parameters& parameters() { return parameters_; }
  const std::optional<LoraOptions>& lora() const { return lora_; }

  /// Sum of the loss over the labels of a batch. With a scale other than 0, `scale` times its gradients are
  /// added to those of the parameters.
  double run(const Context& context, Scratch& scratch, const Batch& batch, float scale);
  /// To be called behind the last batch of a step.
  void end_gradients(const Context& context);

 protected:
  Network(Shape shape, std::size_t rows, std::optional<LoraOptions> lora)
      : shape_(std::move(shape)), rows_(rows), lora_(std::move(lora)) {}

  /// A linear layer `name`.weight, and `name`.bias where asked for; with low-rank pair where it is a target.
  LinearWeights linear_weights(const std::string& name, std::size_t outputs, std::size_t inputs, bool bias);
  NormWeights norm_weights(const std::string& name, bool bias);
  Parameter& embedding();
  /// Where gradients of looked-up rows are summed.
  const Rows& embedding_gradient() const { return shape_.tied ? lookups_ : embedding_->gradient; }
  /// Ends the declarations: memory for parameters and, by carve(), for activations.
  void finish();

  virtual void carve(Workspace& workspace, std::size_t rows) = 0;
  /// From tokens to the input of the final norm.
  virtual Rows forward(const Context& context, Scratch& scratch, const Batch& batch) = 0;
  /// From the gradient of that, which may be overwritten, to those of all parameters.
  virtual void backward(const Context& context, Scratch& scratch, const Batch& batch, const Rows& dx) = 0;

  Shape shape_;
  std::size_t rows_;
  std::optional<LoraOptions> lora_;
  Parameters parameters_;
  Parameter* embedding_ = nullptr;  // [vocab, width]
  NormWeights output_norm_;
  LinearWeights output_;  // [vocab, width]

 private:
  double head(const Context& context, Scratch& scratch, const Batch& batch, const Rows& x, float scale);

  std::size_t adapters_ = 0;  // matrices with a low-rank pair
  Workspace workspace_;
  Rows normed_, logits_, dnormed_, dx_;
  // An embedding that is also the output matrix has two sums of gradients, which take turns from batch to
  // batch: kept apart until the end of a step, so that batches decide no bit.
  Memory lookup_memory_;
  Rows lookups_;
};

std::unique_ptr<Network> make_llama(const Shape& shape, std::size_t rows,
                                    const std::optional<LoraOptions>& lora);
std::unique_ptr<Network> make_gpt2(const Shape& shape, std::size_t rows,
                                   const std::optional<LoraOptions>& lora);

}  // namespace garam::training
