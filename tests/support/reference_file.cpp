// The container and the five weight types, written from their descriptions: plain and slow.
#include "support/reference_file.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>

namespace garam::test {
namespace {

constexpr std::uint32_t kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ8_0 = 8, kBf16 = 30;
constexpr std::size_t kBlock = 32;

/// sign * mantissa * 2^exponent by the definition of IEEE binary16.
double decode_half(unsigned bits) {
  const double sign = (bits >> 15 & 1) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const double fraction = bits & 1023;
  if (exponent == 31) return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

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

void read_block_q8_0(Bytes& in, std::vector<double>& out) {
  const double scale = decode_half(static_cast<unsigned>(in.integer(2)));
  for (std::size_t i = 0; i < kBlock; ++i) out.push_back(scale * static_cast<std::int8_t>(in.integer(1)));
}

/// Value i lies in the low nibble of byte i, value i + 16 in the high one; a nibble stands for itself less 8.
void read_block_q4_0(Bytes& in, std::vector<double>& out) {
  const double scale = decode_half(static_cast<unsigned>(in.integer(2)));
  double high[kBlock / 2];
  for (double& upper : high) {
    const int byte = static_cast<int>(in.integer(1));
    out.push_back(scale * (byte % 16 - 8));
    upper = scale * (byte / 16 - 8);
  }
  out.insert(out.end(), std::begin(high), std::end(high));
}

void read_values(Bytes& in, ReferenceTensor& tensor) {
  std::size_t count = 1;
  for (const std::size_t dimension : tensor.shape) count *= dimension;
  tensor.values.reserve(count);
  while (tensor.values.size() < count) {
    switch (tensor.type) {
      case kF32:
        tensor.values.push_back(decode_float(static_cast<std::uint32_t>(in.integer(4))));
        break;
      case kF16:
        tensor.values.push_back(decode_half(static_cast<unsigned>(in.integer(2))));
        break;
      case kBf16:
        tensor.values.push_back(decode_float(static_cast<std::uint32_t>(in.integer(2)) << 16));
        break;
      case kQ8_0:
        read_block_q8_0(in, tensor.values);
        break;
      case kQ4_0:
        read_block_q4_0(in, tensor.values);
        break;
      default:
        throw std::runtime_error("reference: weight type not known");
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
