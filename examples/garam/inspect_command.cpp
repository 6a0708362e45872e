// garam inspect: a model file's keys, tensors, sizes and the memory it will take, without reading its
// weights.
#include <algorithm>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "json.h"
#include "story_model.h"

namespace cli {
namespace {

constexpr std::size_t kPagePositions = 64;

struct Options {
  std::string model, positional;
  CacheOptions cache;
  std::size_t context = 0;
  bool json = false;
};

/// Predicted memory of the KV cache.
KvMemory kv_memory(const garam::ModelInfo& info, std::size_t context, garam::KvType type) {
  const std::uint64_t page = type == garam::KvType::kF32    ? info.kv_bytes_per_page_f32
                             : type == garam::KvType::kQ8_0 ? info.kv_bytes_per_page_q8_0
                                                            : info.kv_bytes_per_page;
  return {std::string(garam::to_string(type)), page, context,
          (context + kPagePositions - 1) / kPagePositions * page};
}

std::string size_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return unit == 0 ? formatted("{} B", bytes) : formatted("{:.1f} {}", value, kUnits[unit]);
}

std::string to_text(const garam::ModelInfo& info, const KvMemory& kv) {
  std::string text;
  const auto line = [&](const char* what, const auto& value) {
    text += formatted("{:<14}{}\n", what, value);
  };
  line("architecture", printable(info.architecture));
  if (!info.name.empty()) line("name", printable(info.name));
  line("file", size_text(info.file_bytes));
  line("parameters", info.parameters);
  for (const auto& [what, value] : {std::pair{"context", info.context},
                                    {"vocab", info.vocab},
                                    {"width", info.width},
                                    {"layers", info.layers},
                                    {"heads", info.heads},
                                    {"kv_heads", info.kv_heads},
                                    {"head_dim", info.head_dim},
                                    {"hidden", info.hidden}}) {
    if (value != 0) line(what, value);
  }
  if (info.window != 0) {
    line("window",
         formatted("{} tokens in {} of {} layers: honoured, and keys and values well behind it are dropped",
                   info.window, info.window_layers, info.layers));
  }
  if (info.weight_bytes == 0) {
    line("memory", "unknown: garam does not compute this architecture or one of its weight types");
  } else {
    line("memory", formatted("{} of weights, {} of {} KV at {} tokens", size_text(info.weight_bytes),
                             size_text(kv.bytes), kv.type, kv.context));
  }
  text += formatted("\n{} keys\n", info.keys.size());
  for (const auto& [key, value] : info.keys)
    text += formatted("  {:<44} {}\n", printable(key), printable(value));
  text += formatted("\n{} tensors\n", info.tensors.size());
  for (const garam::TensorInfo& t : info.tensors) {
    text += formatted("  {:<44} {:<6} {:>16} {:>10}\n", printable(t.name), t.type, joined(t.shape, " x "),
                      size_text(t.bytes));
  }
  return text;
}

int run(const Options& o) {
  const std::string& path = o.model.empty() ? o.positional : o.model;
  const garam::ModelInfo info = path.empty() ? garam::inspect(story_model()) : garam::inspect(path);
  const std::size_t context = o.context != 0 ? o.context : info.context;
  const KvMemory kv = kv_memory(info, context, o.cache.type());
  write_out(o.json ? to_json(info, kv) + "\n" : to_text(info, kv));
  return 0;
}

}  // namespace

Run define_inspect(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::Option* model = add_text(
      app, "-m,--model", o.model,
      "GGUF file (of a split one the first part) or Hugging Face folder (the story model in the program)",
      "FILE");
  exclude(add_text(app, "FILE", o.positional, "The file, as with -m"), {model});
  add_number(app, "-c,--ctx-size", o.context,
             "Predict the KV memory of this context; 0: the model's (default)", 0, kMaxContext);
  o.cache.define(app);
  add_flag(app, "--json", o.json, "Print one JSON object");
  return [options] { return run(*options); };
}

}  // namespace cli
