// The header is built in memory; tensor bytes pass through in pieces, so that memory stays small.
#include "io/gguf_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <type_traits>

#include "base/checked.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/printable.h"
#include "io/gguf_rules.h"

namespace garam {

static_assert(std::endian::native == std::endian::little, "numbers are written as memory lies");

namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

/// Not inlined: it is called for every type of number, and gcc 12 takes the copies for overflows.
[[gnu::noinline]] void put_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <typename T>
void put(std::vector<std::byte>& out, T number) {
  put_bytes(out, std::as_bytes(std::span(&number, 1)));
}

void put_string(std::vector<std::byte>& out, std::string_view text) {
  put<std::uint64_t>(out, text.size());
  put_bytes(out, std::as_bytes(std::span(text)));
}

void put_scalar(std::vector<std::byte>& out, bool value) {
  put<std::uint8_t>(out, value ? 1 : 0);
}

void put_scalar(std::vector<std::byte>& out, const std::string& value) {
  put_string(out, value);
}

template <typename T>
requires std::is_arithmetic_v<T>
void put_scalar(std::vector<std::byte>& out, T value) {
  put(out, value);
}

void put_scalar(std::vector<std::byte>& out, const GgufArray& array) {
  put(out, static_cast<std::uint32_t>(element_type_of(array)));
  put<std::uint64_t>(out, size_of(array));
  std::visit(
      [&](const auto& elements) {
        using T = typename std::decay_t<decltype(elements)>::value_type;
        for (const T& element : elements) put_scalar(out, element);
      },
      array);
}

void put_value(std::vector<std::byte>& out, const GgufValue& value) {
  put(out, static_cast<std::uint32_t>(type_of(value)));
  std::visit([&](const auto& v) { put_scalar(out, v); }, value);
}

/// Reads from bytes that the returned function owns.
GgufWriter::Source from_memory(std::vector<std::byte> bytes) {
  return [owned = std::make_shared<const std::vector<std::byte>>(std::move(bytes))](
             std::uint64_t offset, std::span<std::byte> out) {
    std::memcpy(out.data(), owned->data() + offset, out.size());
  };
}

std::uint64_t padding(std::uint64_t bytes, std::uint64_t alignment) {
  return (alignment - bytes % alignment) % alignment;
}

}  // namespace

GgufWriter::GgufWriter(GgufWriterOptions options) : options_(options) {
  if (options.version != 2 && options.version != 3) {
    fail(ErrorCode::kArgument, "GGUF version: expected 2 or 3, found {}", options.version);
  }
  const std::string problem = gguf_alignment_problem(options.alignment);
  if (!problem.empty()) fail(ErrorCode::kArgument, "{}: {}", kGgufAlignmentKey, problem);
  key_names_.emplace(kGgufAlignmentKey);
  if (options.alignment != kGgufDefaultAlignment) {
    keys_.push_back({std::string(kGgufAlignmentKey), options.alignment});
  }
}

GgufWriter& GgufWriter::add(std::string key, GgufValue value) {
  const std::string problem = gguf_name_problem(key, kGgufMaxKeyBytes);
  if (!problem.empty()) fail(ErrorCode::kArgument, "key {}: {}", printable(key), problem);
  if (key == kGgufAlignmentKey) {
    fail(ErrorCode::kArgument, "key {}: expected the alignment in GgufWriterOptions, found it as a key", key);
  }
  if (!key_names_.insert(key).second) {
    fail(ErrorCode::kArgument, "key {}: expected each name once, found it again", key);
  }
  keys_.push_back({std::move(key), std::move(value)});
  return *this;
}

GgufWriter::Tensor GgufWriter::make_tensor(std::string name, std::uint32_t ggml_type,
                                           std::vector<std::uint64_t> shape) {
  const std::string problem = gguf_name_problem(name, kGgufMaxTensorNameBytes);
  if (!problem.empty()) fail(ErrorCode::kArgument, "tensor {}: {}", printable(name), problem);
  const GgmlType* type = find_ggml_type(ggml_type);
  if (type == nullptr) {
    fail(ErrorCode::kArgument, "tensor {}: expected the number of a tensor type, found {}", name,
         describe_missing_ggml_type(ggml_type));
  }
  const GgufTensorSize size = gguf_tensor_size(*type, shape);
  if (!size.problem.empty()) fail(ErrorCode::kArgument, "tensor {}: {}", name, size.problem);
  return {std::move(name), type, std::move(shape), size.bytes, {}};
}

GgufWriter& GgufWriter::add_tensor(Tensor tensor) {
  if (!tensor_names_.insert(tensor.name).second) {
    fail(ErrorCode::kArgument, "tensor {}: expected each name once, found it again", tensor.name);
  }
  tensors_.push_back(std::move(tensor));
  return *this;
}

GgufWriter& GgufWriter::add_tensor(std::string name, std::uint32_t ggml_type,
                                   std::vector<std::uint64_t> shape, std::vector<std::byte> bytes) {
  Tensor tensor = make_tensor(std::move(name), ggml_type, std::move(shape));
  if (bytes.size() != tensor.bytes) {
    fail(ErrorCode::kArgument, "tensor {}: expected {} bytes for {} of {}, found {}", tensor.name,
         tensor.bytes, describe_shape(tensor.shape), tensor.type->name, bytes.size());
  }
  tensor.source = from_memory(std::move(bytes));
  return add_tensor(std::move(tensor));
}

GgufWriter& GgufWriter::add_tensor(std::string name, std::vector<std::uint64_t> shape,
                                   std::span<const float> values) {
  constexpr std::uint32_t kF32 = 0;
  const auto bytes = std::as_bytes(values);
  return add_tensor(std::move(name), kF32, std::move(shape),
                    std::vector<std::byte>(bytes.begin(), bytes.end()));
}

GgufWriter& GgufWriter::add_tensor(std::string name, std::uint32_t ggml_type,
                                   std::vector<std::uint64_t> shape, Source source) {
  Tensor tensor = make_tensor(std::move(name), ggml_type, std::move(shape));
  tensor.source = std::move(source);
  return add_tensor(std::move(tensor));
}

std::vector<std::byte> GgufWriter::header() const {
  std::vector<std::byte> out;
  put_bytes(out, std::as_bytes(std::span(kGgufMagic)));
  put(out, options_.version);
  put<std::uint64_t>(out, tensors_.size());
  put<std::uint64_t>(out, keys_.size());
  for (const GgufKey& key : keys_) {
    put_string(out, key.name);
    put_value(out, key.value);
  }
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    put_string(out, tensor.name);
    put(out, static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::uint64_t dim : tensor.shape) put(out, dim);
    put(out, tensor.type->id);
    put(out, offset);
    const auto end = checked_add(offset, tensor.bytes);
    const auto next = end ? checked_align(*end, options_.alignment) : std::nullopt;
    if (!next) fail(ErrorCode::kArgument, "tensor {}: expected sizes that fit 64 bits in sum", tensor.name);
    offset = *next;
  }
  if (out.size() > kGgufMaxHeaderBytes) {
    fail(ErrorCode::kArgument, "keys and tensor list: expected at most {} bytes, found {}",
         kGgufMaxHeaderBytes, out.size());
  }
  return out;
}

void GgufWriter::write_all(const Sink& sink) const {
  const std::vector<std::byte> zeros(options_.alignment);
  const auto pad = [&](std::uint64_t bytes) {
    sink(std::span(zeros).first(padding(bytes, options_.alignment)));
  };
  const std::vector<std::byte> head = header();
  sink(head);
  pad(head.size());
  std::vector<std::byte> piece;
  for (const Tensor& tensor : tensors_) {
    for (std::uint64_t offset = 0; offset < tensor.bytes; offset += piece.size()) {
      piece.resize(std::min<std::uint64_t>(kPieceBytes, tensor.bytes - offset));
      tensor.source(offset, piece);
      sink(piece);
    }
    pad(tensor.bytes);
  }
}

void GgufWriter::write(const std::string& path) const {
  AtomicFile file(path);
  write_all([&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.commit();
}

std::vector<std::byte> GgufWriter::write_to_memory() const {
  std::vector<std::byte> out;
  write_all([&](std::span<const std::byte> bytes) { put_bytes(out, bytes); });
  return out;
}

}  // namespace garam
