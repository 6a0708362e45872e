// Shapes from keys and keys from shapes, values from tensors and tensors from values.
#include "train/model_io.h"

#include <algorithm>
#include <cstring>

#include "arch/rope_keys.h"
#include "base/fail.h"
#include "base/printable.h"
#include "model/gguf_source.h"
#include "quantize/convert_rows.h"

namespace garam::training {
namespace {

[[noreturn]] void refuse(const ModelFile& base, const std::string& what) {
  fail(ErrorCode::kUnsupported, "{}: garam does not train {}", base.path(), what);
}

bool is_adapter(const Parameter& p) {
  return p.name.ends_with(".lora_a") || p.name.ends_with(".lora_b");
}

std::vector<std::uint64_t> gguf_shape(const Parameter& p) {
  const bool vector = p.name.ends_with(".bias") || p.name.ends_with("norm.weight");
  if (vector) return {p.value.width};
  return {p.value.width, p.value.rows};
}

/// Bytes of a tensor without the padding of its rows.
GgufWriter::Source values_of(const Parameter& p) {
  return [&p](std::uint64_t offset, std::span<std::byte> out) {
    const std::size_t row_bytes = p.value.width * sizeof(float);
    for (std::size_t done = 0; done < out.size();) {
      const std::size_t row = (offset + done) / row_bytes, within = (offset + done) % row_bytes;
      const std::size_t count = std::min(row_bytes - within, out.size() - done);
      std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(p.value.row(row)) + within, count);
      done += count;
    }
  };
}

void add_tensor(GgufWriter& writer, const Parameter& p) {
  writer.add_tensor(p.name, kFormatF32.ggml_id, gguf_shape(p), values_of(p));
}

void add_keys(GgufWriter& writer, const Shape& s) {
  const std::string prefix = s.architecture + ".";
  const auto number = [&](const char* name, std::size_t value) {
    writer.add(prefix + name, static_cast<std::uint32_t>(value));
  };
  writer.add("general.architecture", s.architecture);
  writer.add("general.file_type", std::uint32_t{0});  // all f32
  number("context_length", s.context);
  number("embedding_length", s.width);
  number("block_count", s.layers);
  number("feed_forward_length", s.hidden);
  number("attention.head_count", s.attention.heads);
  number("attention.head_count_kv", s.attention.kv_heads);
  number("vocab_size", s.vocab);
  if (s.architecture == "gpt2") {
    writer.add(prefix + "attention.layer_norm_epsilon", s.eps);
    return;
  }
  number("attention.key_length", s.attention.head_dim);
  number("attention.value_length", s.attention.head_dim);
  number("rope.dimension_count", s.rope.dims);
  writer.add(prefix + "rope.freq_base", static_cast<float>(s.rope.base));
  writer.add(prefix + "attention.layer_norm_rms_epsilon", s.eps);
}

}  // namespace

Shape new_shape(const TrainConfig& config, std::size_t vocab) {
  const TrainModel& m = config.model;
  const std::string where = config.source + ": model";
  if (m.architecture != "llama" && m.architecture != "qwen2" && m.architecture != "gpt2") {
    fail(ErrorCode::kArgument, "{}: architecture: expected llama, qwen2 or gpt2, found \"{}\"", where,
         printable(m.architecture));
  }
  if (m.heads == 0 || (m.head_dim == 0 && m.width % m.heads != 0)) {
    fail(ErrorCode::kArgument,
         "{}: heads: expected a divisor of width ({}) unless head_dim is given, found {}", where, m.width,
         m.heads);
  }
  Shape s;
  s.architecture = m.architecture;
  s.vocab = vocab;
  s.context = config.context;
  s.layers = m.layers;
  s.width = m.width;
  s.attention = {.heads = m.heads,
                 .kv_heads = m.kv_heads > 0 ? m.kv_heads : m.heads,
                 .head_dim = m.head_dim > 0 ? m.head_dim : m.width / m.heads};
  const bool gpt2 = m.architecture == "gpt2";
  if (gpt2 && (s.attention.kv_heads != m.heads || s.attention.head_dim * m.heads != m.width)) {
    fail(ErrorCode::kArgument, "{}: gpt2 has as many kv_heads as heads, and heads * head_dim = width", where);
  }
  s.hidden = m.hidden > 0 ? m.hidden : gpt2 ? 4 * m.width : kernels::round_up((8 * m.width + 2) / 3, 32);
  s.eps = static_cast<float>(m.norm_eps);
  s.rope.dims = s.attention.head_dim;
  s.rope.base = static_cast<double>(static_cast<float>(m.rope_base));  // as files hold it
  s.biases = m.architecture == "qwen2";
  s.tied = m.tied;
  s.check(where);
  return s;
}

Shape shape_of(const ModelFile& base) {
  const auto architecture = base.get<std::string>("general.architecture");
  if (architecture != "llama" && architecture != "qwen2" && architecture != "gpt2") {
    refuse(base, "the architecture " + printable(architecture) + "; it trains llama, qwen2 and gpt2");
  }
  const GgufTensor* embedding = base.find_tensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    fail(ErrorCode::kFormat, "{}: tensor token_embd.weight: expected a matrix, found none", base.path());
  }
  const GgufKeys keys(base);
  const Metadata metadata(keys, architecture);
  const Config config = Config::read(metadata, embedding->shape[1]);
  if (config.experts > 0) refuse(base, "mixtures of experts");
  if (config.window > 0) refuse(base, "sliding windows of attention");
  if (config.key_dim != config.value_dim) refuse(base, "keys and values of different lengths");
  Shape s;
  s.architecture = architecture;
  s.vocab = config.vocab;
  s.context = config.context;
  s.layers = config.layers;
  s.width = config.width;
  s.hidden = config.hidden;
  s.attention = {.heads = config.heads, .kv_heads = config.kv_heads, .head_dim = config.key_dim};
  const bool gpt2 = architecture == "gpt2";
  s.eps = metadata.real(gpt2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 1e-20, 1);
  s.biases = base.find_tensor("blk.0.attn_q.bias") != nullptr;
  s.tied = base.find_tensor("output.weight") == nullptr;
  s.check(base.path());
  if (gpt2) return s;
  s.rope = read_rope(metadata, config);
  if (const GgufTensor* factors = base.find_tensor("rope_freqs.weight")) {
    if (factors->type->id != kFormatF32.ggml_id ||
        factors->shape != std::vector<std::uint64_t>{s.rope.dims / 2}) {
      fail(ErrorCode::kFormat, "{}: expected f32 [{}]", base.origin(*factors), s.rope.dims / 2);
    }
    s.rope_factors.resize(s.rope.dims / 2);
    base.read(*factors, 0, std::as_writable_bytes(std::span(s.rope_factors)));
    check_rope_factors(base.path(), factors->name, s.rope_factors);
  }
  return s;
}

void load_values(Network& network, const ModelFile& base) {
  std::vector<float> values;
  for (Parameter& p : network.parameters().all()) {
    if (is_adapter(p)) continue;
    const GgufTensor* tensor = base.find_tensor(p.name);
    if (tensor == nullptr) fail(ErrorCode::kFormat, "{}: tensor {}: missing", base.path(), p.name);
    if (tensor->shape != gguf_shape(p)) {
      fail(ErrorCode::kFormat, "{}: expected shape [{}, {}]", base.origin(*tensor), p.value.width,
           p.value.rows);
    }
    const WeightFormat* format = find_weight_format(tensor->type->id);
    if (format == nullptr) {
      fail(ErrorCode::kUnsupported, "{}: type {}", base.origin(*tensor), tensor->type->name);
    }
    constexpr std::size_t kRows = 64;
    for (std::size_t first = 0; first < p.value.rows; first += kRows) {
      const std::size_t count = std::min(kRows, p.value.rows - first);
      values.resize(count * p.value.width);
      quant::Rows{base, *tensor, *format, first, count}.read(values);
      for (std::size_t r = 0; r < count; ++r) {
        std::memcpy(p.value.row(first + r), values.data() + r * p.value.width, p.value.width * sizeof(float));
      }
    }
  }
}

GgufWriter model_writer(Network& network, const ModelFile& vocabulary, const ModelFile* base) {
  GgufWriter writer;
  if (base != nullptr) {
    for (const GgufKey& key : base->keys()) {
      if (key.name == "general.file_type") {
        writer.add(key.name, std::uint32_t{0});
      } else if (key.name != "general.alignment" && !key.name.starts_with("split.")) {
        writer.add(key.name, key.value);
      }
    }
    if (const GgufTensor* factors = base->find_tensor("rope_freqs.weight")) {
      writer.add_tensor(factors->name, factors->shape, network.shape().rope_factors);
    }
  } else {
    add_keys(writer, network.shape());
    for (const GgufKey& key : vocabulary.keys()) {
      if (key.name.starts_with("tokenizer.")) writer.add(key.name, key.value);
    }
  }
  for (const Parameter& p : network.parameters().all()) {
    if (!is_adapter(p)) add_tensor(writer, p);
  }
  return writer;
}

GgufWriter adapter_writer(Network& network) {
  GgufWriter writer;
  writer.add("general.architecture", network.shape().architecture);
  writer.add("general.type", std::string("adapter"));
  writer.add("adapter.type", std::string("lora"));
  writer.add("adapter.lora.alpha", static_cast<float>(network.lora()->alpha));
  for (const Parameter& p : network.parameters().all()) {
    if (is_adapter(p)) add_tensor(writer, p);
  }
  return writer;
}

}  // namespace garam::training
