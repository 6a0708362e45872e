// ModelInfo: values as text, long arrays by their length.
#include "model/describe.h"

#include "arch/architecture.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "model/gguf_source.h"
#include "model/load_weights.h"
#include "model/open_model.h"

namespace garam {

ModelInfo describe(const ModelFile& file) {
  ModelInfo info;
  info.architecture = file.get_string("general.architecture");
  info.name = file.find("general.name") != nullptr ? file.get_string("general.name") : "";
  for (const GgufKey& key : file.keys()) info.keys.emplace_back(key.name, describe(key.value));
  for (const GgufTensor& tensor : file.tensors()) {
    TensorInfo t;
    t.name = tensor.name;
    t.type = tensor.type->name;
    t.shape.assign(tensor.shape.rbegin(), tensor.shape.rend());
    t.bytes = tensor.bytes;
    std::uint64_t values = 1;
    for (const std::uint64_t size : t.shape) values *= size;
    info.parameters += values;
    info.tensors.push_back(std::move(t));
  }
  info.file_bytes = file.size_bytes();
  return info;
}

namespace {

/// Of all layers, whichever pages hold them.
std::size_t page_bytes(const Config& config, kernels::KvFormat format) {
  const ops::KvLayout layout = config.kv_layout(format);
  return layout.page_bytes() + layout.windowed_page_bytes();
}

}  // namespace

void describe_architecture(const Config& config, const Weights& weights, const std::string& file,
                           ModelInfo& info) {
  info.weight_bytes = arena_bytes(weights, file);
  info.kv_bytes_per_page = page_bytes(config, kernels::KvFormat::kF16);
  info.kv_bytes_per_page_f32 = page_bytes(config, kernels::KvFormat::kF32);
  info.kv_bytes_per_page_q8_0 = page_bytes(config, kernels::KvFormat::kQ8_0);
  info.context = config.context;
  info.vocab = config.vocab;
  info.width = config.width;
  info.layers = config.layers;
  info.heads = config.heads;
  info.kv_heads = config.kv_heads;
  info.head_dim = config.key_dim;
  info.hidden = config.hidden;
  info.scores = config.scores;
  info.score_labels = config.score_labels;
  info.window = static_cast<std::size_t>(config.kv_window());
  for (std::size_t i = 0; i < config.layers; ++i) info.window_layers += config.window_of(i) > 0 ? 1 : 0;
}

namespace {

ModelInfo inspect_file(const ModelFile& file) {
  const FloatEnvironment environment;
  ModelInfo info = describe(file);
  const GgufKeys keys(file);
  const GgufTensors tensors(file);
  Weights weights(tensors);
  try {
    const auto architecture = make_architecture(info.architecture, keys, tensors, weights);
    describe_architecture(architecture->config(), weights, file.path(), info);
  } catch (const Error& error) {
    // A file that garam cannot compute with is still worth looking at, as is a vocabulary without weights.
    if (error.code() != ErrorCode::kUnsupported && error.code() != ErrorCode::kFormat) throw;
  }
  return info;
}

}  // namespace

ModelInfo inspect(const std::string& path) {
  return inspect_file(*open_model(path));
}

ModelInfo inspect(const ModelBytes& file) {
  return inspect_file(*open_model(file));
}

}  // namespace garam
