// The JSON file of a training run. Every key is known: a misspelt one would otherwise train for hours without
// it.
#include <algorithm>

#include "base/fail.h"
#include "base/printable.h"
#include "garam/train.h"
#include "io/json.h"

namespace garam {
namespace {

constexpr std::uint64_t kMost = std::uint64_t{1} << 40;

/// Reads the members of one object, each into its place; what is left over is an error.
class Members {
 public:
  explicit Members(const JsonValue& object) : object_(object) {}

  void read(const char* name, std::string& to) {
    if (const auto v = find(name)) to = v->string();
  }
  void read(const char* name, bool& to) {
    if (const auto v = find(name)) to = v->boolean();
  }
  void read(const char* name, double& to, double low, double high) {
    if (const auto v = find(name)) to = v->real(low, high);
  }
  template <typename T>
  requires std::is_unsigned_v<T>
  void read(const char* name, T& to, std::uint64_t low = 0, std::uint64_t high = kMost) {
    if (const auto v = find(name)) to = static_cast<T>(v->integer(low, high));
  }
  /// A string, or an array of them.
  void read(const char* name, std::vector<std::string>& to) {
    const auto v = find(name);
    if (!v) return;
    to.clear();
    if (v->is(JsonKind::kString)) {
      to.emplace_back(v->string());
      return;
    }
    for (const JsonValue element : v->elements()) to.emplace_back(element.string());
  }
  std::optional<JsonValue> find(const char* name) {
    known_.emplace_back(name);
    return object_.find(name);
  }

  void check_all_known() const {
    for (const JsonValue member : object_.members()) {
      if (std::find(known_.begin(), known_.end(), member.key()) != known_.end()) continue;
      std::string names;
      for (const std::string& name : known_) names += (names.empty() ? "" : ", ") + name;
      fail(ErrorCode::kFormat, "{}: unknown key; expected one of {}", member.where(), names);
    }
  }

 private:
  JsonValue object_;
  std::vector<std::string> known_;
};

TrainModel read_model(const JsonValue& object) {
  TrainModel model;
  Members m(object);
  m.read("architecture", model.architecture);
  m.read("layers", model.layers, 1);
  m.read("width", model.width, 1);
  m.read("heads", model.heads, 1);
  m.read("kv_heads", model.kv_heads);
  m.read("head_dim", model.head_dim);
  m.read("hidden", model.hidden);
  m.read("rope_base", model.rope_base, 1e-3, 1e12);
  m.read("norm_eps", model.norm_eps, 1e-20, 1);
  m.read("tied", model.tied);
  m.read("initial_deviation", model.initial_deviation, 1e-6, 1);
  m.check_all_known();
  return model;
}

TrainLora read_lora(const JsonValue& object) {
  TrainLora lora;
  Members m(object);
  m.read("rank", lora.rank, 1, 4096);
  m.read("alpha", lora.alpha, 1e-6, 1e6);
  m.read("targets", lora.targets);
  m.check_all_known();
  return lora;
}

}  // namespace

TrainConfig TrainConfig::read(const std::string& path) {
  const ReadFile file = ReadFile::open(path);
  std::uint64_t hash = 0;
  const JsonDocument document = JsonDocument::read(file, {}, hash);
  TrainConfig c;
  c.source = path;
  Members m(document.root());
  if (const auto v = m.find("model")) c.model = read_model(*v);
  m.read("base", c.base);
  if (const auto v = m.find("lora")) c.lora = read_lora(*v);
  m.read("tokenizer", c.tokenizer);
  m.read("data", c.data);
  m.read("held_out", c.held_out);
  m.read("held_out_share", c.held_out_share, 0, 0.9);
  m.read("shuffle", c.shuffle);
  m.read("seed", c.seed, 0, UINT64_MAX);
  m.read("context", c.context, 1);
  m.read("batch", c.batch, 1);
  m.read("steps", c.steps, 1);
  m.read("learning_rate", c.learning_rate, 0, 1e3);
  m.read("min_learning_rate", c.min_learning_rate, 0, 1e3);
  m.read("warmup", c.warmup);
  m.read("schedule", c.schedule);
  m.read("weight_decay", c.weight_decay, 0, 1e3);
  m.read("beta1", c.beta1, 0, 0.999999);
  m.read("beta2", c.beta2, 0, 0.9999999);
  m.read("epsilon", c.epsilon, 1e-30, 1);
  m.read("clip", c.clip, 0, 1e9);
  m.read("output", c.output);
  m.read("type", c.type);
  m.read("evaluate_every", c.evaluate_every);
  m.read("evaluate_tokens", c.evaluate_tokens);
  m.read("checkpoint_every", c.checkpoint_every);
  m.read("checkpoint", c.checkpoint);
  m.read("micro_batch", c.micro_batch);
  m.read("curve", c.curve);
  m.check_all_known();
  if (c.base.empty() && !document.root().find("model")) {
    fail(ErrorCode::kArgument,
         "{}: either model (a new model's numbers) or base (a model file to go on from) is needed", path);
  }
  return c;
}

}  // namespace garam
