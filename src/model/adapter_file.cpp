// Shapes are checked half against half here, and against the base's tensors once it is known.
#include "model/adapter_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/printable.h"
#include "tensor/plain_values.h"
#include "tensor/weight_format.h"

namespace garam {
namespace {

constexpr std::string_view kA = ".lora_a", kB = ".lora_b";

/// The name of the base's tensor, when `name` ends in `half`.
std::optional<std::string> base_name(const std::string& name, std::string_view half) {
  if (!name.ends_with(half)) return std::nullopt;
  return name.substr(0, name.size() - half.size());
}

/// Dimension `i`, the fastest first; writers leave out those of 1 behind the last.
std::uint64_t dimension(const GgufTensor& tensor, std::size_t i) {
  return i < tensor.shape.size() ? tensor.shape[i] : 1;
}

/// Rows first, with as many dimensions as the base's tensor.
std::vector<std::uint64_t> shape_of(std::uint64_t count, std::uint64_t rows, std::uint64_t k, bool stacked) {
  if (stacked) return {count, rows, k};
  return {rows, k};
}

std::string found_shape(const GgufTensor& tensor) {
  const std::vector<std::uint64_t> shape(tensor.shape.rbegin(), tensor.shape.rend());
  return joined(shape);
}

[[noreturn]] void wrong_key(const GgufFile& file, std::string_view key, const std::string& expected,
                            ErrorCode code) {
  const GgufValue* value = file.find(key);
  fail(code, "{}: key {}: expected {}, found {}", file.path(), key, expected,
       value != nullptr ? describe(*value) : "no such key");
}

void expect_text(const GgufFile& file, std::string_view key, const char* expected, ErrorCode code) {
  const GgufValue* value = file.find(key);
  const std::string* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
  if (text != nullptr && *text == expected) return;
  wrong_key(file, key, formatted("\"{}\"", expected), code);
}

/// Of a pair whose halves are both there.
AdapterPair make_pair(const GgufFile& file, std::string name, const GgufTensor& a, const GgufTensor& b) {
  for (const GgufTensor* half : {&a, &b}) {
    if (half->shape.size() > 3) {
      fail(ErrorCode::kFormat, "{}: expected at most 3 dimensions, found shape [{}]", file.origin(*half),
           found_shape(*half));
    }
    if (find_weight_format(half->type->id) == nullptr) {
      fail(ErrorCode::kUnsupported, "{}: expected weight type f32, f16, bf16 or q8_0, found {}",
           file.origin(*half), half->type->name);
    }
  }
  AdapterPair pair{std::move(name), &a, &b, dimension(a, 2), dimension(a, 1), dimension(b, 1),
                   dimension(a, 0)};
  if (pair.rank > AdapterFile::kMostRanks) {
    fail(ErrorCode::kFormat, "{}: expected a rank of at most {}, found {}", file.origin(a),
         AdapterFile::kMostRanks, pair.rank);
  }
  if (dimension(b, 0) != pair.rank || dimension(b, 2) != pair.count) {
    fail(ErrorCode::kFormat, "{}: expected shape [{}], as the rank of its other half demands, found [{}]",
         file.origin(b), joined(shape_of(pair.count, pair.rows, pair.rank, pair.count > 1)), found_shape(b));
  }
  return pair;
}

/// Rows of a format with blocks, by way of a panel.
bool decode_blocks(const WeightFormat& format, const std::byte* bytes, std::size_t rows, std::size_t k,
                   float* values) {
  const Memory panel(kernels::panel_bytes(format.format, k), "a panel of an adapter");
  bool finite = true;
  for (std::size_t row = 0; row < rows; row += kernels::kPanelRows) {
    const std::size_t count = std::min(kernels::kPanelRows, rows - row);
    finite &= format.pack(bytes + row * format.row_bytes(k), count, k, panel.data());
    for (std::size_t r = 0; r < count; ++r) format.unpack(panel.data(), r, k, values + (row + r) * k);
  }
  return finite;
}

}  // namespace

AdapterFile AdapterFile::open(const std::string& path) {
  AdapterFile adapter(GgufFile::open(path));
  adapter.read_keys();
  adapter.read_pairs();
  return adapter;
}

void AdapterFile::read_keys() {
  expect_text(file_, "general.type", "adapter", ErrorCode::kFormat);
  expect_text(file_, "adapter.type", "lora", ErrorCode::kUnsupported);
  // Such an adapter begins to act where the prompt first says its tokens; everywhere would be another model.
  constexpr std::string_view kInvocation = "adapter.alora.invocation_tokens";
  if (file_.find(kInvocation) != nullptr) {
    wrong_key(file_, kInvocation, "an adapter that holds for every token", ErrorCode::kUnsupported);
  }
  architecture_ = file_.get_string("general.architecture");
  if (file_.find("general.name") != nullptr) name_ = file_.get_string("general.name");
  alpha_ = file_.get_or<float>("adapter.lora.alpha", 0);
  if (!std::isfinite(alpha_)) {
    wrong_key(file_, "adapter.lora.alpha", "a finite number", ErrorCode::kFormat);
  }
}

void AdapterFile::read_pairs() {
  for (const GgufTensor& tensor : file_.tensors()) {
    const auto of_a = base_name(tensor.name, kA), of_b = base_name(tensor.name, kB);
    if (!of_a && !of_b) {
      fail(
          ErrorCode::kUnsupported,
          "{}: expected only names that end in {} or {}, found another; leaving it out would give wrong text",
          file_.origin(tensor), kA, kB);
    }
    const std::string& name = of_a ? *of_a : *of_b;
    // Rows of these are looked up, and their halves lie the other way round.
    if (name == "token_embd.weight" || name == "position_embd.weight") {
      fail(ErrorCode::kUnsupported,
           "{}: expected an adapter of matrices that are multiplied, found one of {}", file_.origin(tensor),
           name);
    }
    const std::string other = name + std::string(of_a ? kB : kA);
    const GgufTensor* half = file_.find_tensor(other);
    if (half == nullptr) {
      fail(ErrorCode::kFormat, "{}: tensor {}: expected beside {}, found none", path(), printable(other),
           printable(tensor.name));
    }
    if (of_a) pairs_.push_back(make_pair(file_, name, tensor, *half));
  }
  if (pairs_.empty()) {
    fail(ErrorCode::kFormat, "{}: expected tensors whose names end in {} and {}, found none", path(), kA, kB);
  }
  index_ = NameIndex(pairs_);
}

float AdapterFile::factor(const AdapterPair& pair, float scale) const {
  const float factor = alpha_ != 0 ? scale * alpha_ / static_cast<float>(pair.rank) : scale;
  if (std::isfinite(factor)) return factor;
  fail(ErrorCode::kArgument, "{}: scale {} with alpha {} and rank {}: expected a finite factor, found {}",
       path(), scale, alpha_, pair.rank, factor);
}

std::vector<float> AdapterFile::read(const GgufTensor& half, std::uint64_t first, std::uint64_t count) const {
  const WeightFormat& format = *find_weight_format(half.type->id);
  const std::size_t k = half.shape.front(), row_bytes = format.row_bytes(k);
  std::vector<std::byte> bytes(count * row_bytes);
  file_.read(half, first * row_bytes, bytes);
  std::vector<float> values(count * k);
  bool finite = true;
  if (is_plain(half.type->id)) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = plain_value(half.type->id, bytes.data(), i);
  } else {
    finite = decode_blocks(format, bytes.data(), count, k, values.data());
  }
  for (const float value : values) finite &= std::isfinite(value);
  if (finite) return values;
  fail(ErrorCode::kFormat,
       "{}: expected finite values, found infinity or NaN in rows {} to {}; the file is damaged",
       file_.origin(half), first, first + count - 1);
}

void AdapterFile::check_fits(const ModelFile& base) const {
  const std::string architecture = base.get_string("general.architecture");
  if (architecture != architecture_) {
    wrong_key(file_, "general.architecture",
              formatted("\"{}\", that of {}", printable(architecture), base.path()), ErrorCode::kFormat);
  }
  for (const AdapterPair& pair : pairs_) {
    const GgufTensor* tensor = base.find_tensor(pair.name);
    if (tensor == nullptr || tensor->shape.size() < 2 || tensor->shape.size() > 3) {
      fail(ErrorCode::kFormat,
           "{}: expected one for a matrix of {}, found {}; it is the adapter of another model",
           file_.origin(*pair.a), base.path(), tensor == nullptr ? "none of that name" : "no matrix");
    }
    const bool stacked = tensor->shape.size() == 3;
    const std::uint64_t k = tensor->shape[0], rows = tensor->shape[1], count = dimension(*tensor, 2);
    const auto expect = [&](const GgufTensor& half, std::uint64_t half_rows, std::uint64_t half_k) {
      const bool same =
          dimension(half, 0) == half_k && dimension(half, 1) == half_rows && dimension(half, 2) == count;
      if (same) return;
      fail(ErrorCode::kFormat, "{}: expected shape [{}], found [{}]", file_.origin(half),
           joined(shape_of(count, half_rows, half_k, stacked)), found_shape(half));
    };
    expect(*pair.a, pair.rank, k);
    expect(*pair.b, rows, pair.rank);
  }
}

}  // namespace garam
