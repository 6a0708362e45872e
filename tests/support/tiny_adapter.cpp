// Plain loops.
#include "support/tiny_adapter.h"

namespace garam::test {
namespace {

bool adaptable(const TinyTensor& tensor) {
  return tensor.shape.size() >= 2 && tensor.name.ends_with(".weight") &&
         tensor.name.find("norm") == std::string::npos && tensor.name != "token_embd.weight" &&
         tensor.name != "position_embd.weight";
}

}  // namespace

TinyModel make_adapter(const TinyModel& base, const TinyAdapterOptions& options) {
  TinyModel adapter;
  for (const auto& [key, value] : base.keys) {
    if (key == "general.architecture") adapter.set(key, value);
  }
  adapter.set("general.type", std::string("adapter"));
  adapter.set("general.name", std::string("tiny"));
  adapter.set("adapter.type", std::string("lora"));
  adapter.set("adapter.lora.alpha", options.alpha);
  for (const TinyTensor& tensor : base.tensors) {
    if (!adaptable(tensor) || tensor.name.find(options.only) == std::string::npos) continue;
    std::vector<std::uint64_t> a = tensor.shape, b = tensor.shape;
    a[a.size() - 2] = options.rank;
    b[b.size() - 1] = options.rank;
    adapter.add(tensor.name + ".lora_a", options.weights, a, options.seed);
    adapter.add(tensor.name + ".lora_b", options.weights, b, options.seed);
  }
  return adapter;
}

void add_adapter(ReferenceFile& base, const ReferenceFile& adapter, double scale) {
  const double alpha = adapter.number("adapter.lora.alpha").value_or(0);
  for (const auto& [name, a] : adapter.tensors) {
    if (!name.ends_with(".lora_a")) continue;
    const std::string target = name.substr(0, name.size() - 7);
    const ReferenceTensor& b = adapter.tensor(target + ".lora_b");
    ReferenceTensor& w = base.tensors.at(target);
    const std::size_t dims = a.shape.size(), k = a.shape[dims - 1], rank = a.shape[dims - 2];
    const std::size_t rows = b.shape[dims - 2], count = dims == 3 ? a.shape[0] : 1;
    const double factor = alpha != 0 ? scale * alpha / static_cast<double>(rank) : scale;
    for (std::size_t o = 0; o < count * rows; ++o) {
      const double* of_expert = a.values.data() + o / rows * rank * k;
      for (std::size_t i = 0; i < k; ++i) {
        double sum = 0;
        for (std::size_t r = 0; r < rank; ++r) sum += b.values[o * rank + r] * of_expert[r * k + i];
        w.values[o * k + i] += factor * sum;
      }
    }
  }
}

}  // namespace garam::test
