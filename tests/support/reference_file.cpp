// The container, written from its description: plain and slow.
#include "support/reference_file.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>

#include "support/file_block.h"

namespace garam::test {
namespace {

double decode_float(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<double>(value);
}

/// Walks over the bytes of a file; little-endian.
class Bytes {
 public:
  explicit Bytes(std::vector<unsigned char> data) : data_(std::move(data)) {}

  std::uint64_t integer(std::size_t bytes) {
    need(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value |= static_cast<std::uint64_t>(data_[at_ + i]) << (8 * i);
    at_ += bytes;
    return value;
  }
  std::string string() {
    const std::uint64_t size = integer(8);
    need(size);
    std::string text(data_.begin() + static_cast<std::ptrdiff_t>(at_),
                     data_.begin() + static_cast<std::ptrdiff_t>(at_ + size));
    at_ += size;
    return text;
  }
  void align(std::size_t alignment) { at_ = (at_ + alignment - 1) / alignment * alignment; }
  std::size_t at() const { return at_; }
  void seek(std::size_t at) { at_ = at; }

 private:
  void need(std::uint64_t bytes) const {
    if (bytes > data_.size() - at_) throw std::runtime_error("reference: the file ends early");
  }
  std::vector<unsigned char> data_;
  std::size_t at_ = 0;
};

enum ValueType : std::uint64_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kFloat,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kDouble
};

/// A scalar as double; exact for every number that a model file holds in practice (below 2^53).
double read_number(Bytes& in, std::uint64_t type) {
  switch (type) {
    case kU8:
    case kBool:
      return static_cast<double>(in.integer(1));
    case kI8:
      return static_cast<double>(static_cast<std::int8_t>(in.integer(1)));
    case kU16:
      return static_cast<double>(in.integer(2));
    case kI16:
      return static_cast<double>(static_cast<std::int16_t>(in.integer(2)));
    case kU32:
      return static_cast<double>(in.integer(4));
    case kI32:
      return static_cast<double>(static_cast<std::int32_t>(in.integer(4)));
    case kFloat:
      return decode_float(static_cast<std::uint32_t>(in.integer(4)));
    case kU64:
      return static_cast<double>(in.integer(8));
    case kI64:
      return static_cast<double>(static_cast<std::int64_t>(in.integer(8)));
    case kDouble: {
      const std::uint64_t bits = in.integer(8);
      double value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    default:
      throw std::runtime_error("reference: unknown value type");
  }
}

void read_key(Bytes& in, ReferenceFile& file) {
  const std::string key = in.string();
  std::uint64_t type = in.integer(4);
  if (type == kString) {
    file.strings[key] = in.string();
  } else if (type != kArray) {
    file.numbers[key] = read_number(in, type);
  } else {  // vocabularies; the forward needs none
    type = in.integer(4);
    for (std::uint64_t left = in.integer(8); left > 0; --left) {
      if (type == kString) {
        in.string();
      } else {
        read_number(in, type);
      }
    }
  }
}

double read_plain(Bytes& in, kernels::Format format) {
  if (format == kernels::Format::kF32) return decode_float(static_cast<std::uint32_t>(in.integer(4)));
  const auto bits = static_cast<std::uint32_t>(in.integer(2));
  return format == kernels::Format::kF16 ? f16_value(bits) : decode_float(bits << 16);
}

void read_block(Bytes& in, kernels::Format format, std::vector<double>& out) {
  const FileBlock block = file_block(format);
  std::vector<std::byte> bytes(block.bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(in.integer(1));
  for (std::size_t i = 0; i < block.values; ++i) out.push_back(file_value(format, bytes.data(), i).value());
}

void read_values(Bytes& in, ReferenceTensor& tensor) {
  const auto format = format_of_ggml(tensor.type);
  if (!format) throw std::runtime_error("reference: weight type not known");
  std::size_t count = 1;
  for (const std::size_t dimension : tensor.shape) count *= dimension;
  tensor.values.reserve(count);
  while (tensor.values.size() < count) {
    if (file_block(*format).values == 1) {
      tensor.values.push_back(read_plain(in, *format));
    } else {
      read_block(in, *format, tensor.values);
    }
  }
}

}  // namespace

ReferenceFile ReferenceFile::read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("reference: cannot open " + path);
  Bytes in({std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()});
  if (in.integer(4) != 0x46554747) throw std::runtime_error("reference: not a GGUF file");
  if (const std::uint64_t version = in.integer(4); version != 2 && version != 3) {
    throw std::runtime_error("reference: unknown version");
  }
  const std::uint64_t tensors = in.integer(8);
  ReferenceFile file;
  for (std::uint64_t keys = in.integer(8); keys > 0; --keys) read_key(in, file);

  struct Place {
    ReferenceTensor* tensor;
    std::size_t offset;
  };
  std::vector<Place> places;
  for (std::uint64_t i = 0; i < tensors; ++i) {
    ReferenceTensor& tensor = file.tensors[in.string()];
    std::vector<std::size_t> fastest_first(in.integer(4));
    for (std::size_t& dimension : fastest_first) dimension = in.integer(8);
    tensor.shape.assign(fastest_first.rbegin(), fastest_first.rend());
    tensor.type = static_cast<std::uint32_t>(in.integer(4));
    places.push_back({&tensor, in.integer(8)});
  }
  in.align(static_cast<std::size_t>(file.number("general.alignment").value_or(32)));
  const std::size_t data = in.at();
  for (const Place& place : places) {
    in.seek(data + place.offset);
    read_values(in, *place.tensor);
  }
  return file;
}

std::optional<double> ReferenceFile::number(const std::string& key) const {
  const auto found = numbers.find(key);
  return found == numbers.end() ? std::nullopt : std::optional(found->second);
}

const ReferenceTensor* ReferenceFile::find(const std::string& name) const {
  const auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second;
}

const ReferenceTensor& ReferenceFile::tensor(const std::string& name) const {
  const ReferenceTensor* found = find(name);
  if (found == nullptr) throw std::runtime_error("reference: no tensor " + name);
  return *found;
}

}  // namespace garam::test
