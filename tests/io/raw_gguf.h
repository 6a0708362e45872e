// GGUF files byte by byte, right or wrong, written without the library's writer: a mistake that reader and
// writer share would not be noticed otherwise.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "garam/error.h"
#include "io/gguf.h"

namespace garam::test {

/// The bytes of a number, as this machine and GGUF lay them: little-endian.
template <typename T>
std::string raw(T number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}
inline std::string raw_u32(std::uint32_t n) {
  return raw(n);
}
inline std::string raw_u64(std::uint64_t n) {
  return raw(n);
}
inline std::string raw_string(std::string_view text) {
  return raw_u64(text.size()) + std::string(text);
}

inline std::string raw_key(std::string_view name, std::uint32_t type, std::string_view value) {
  return raw_string(name) + raw_u32(type) + std::string(value);
}
inline std::string raw_array(std::uint32_t type, std::uint64_t count, std::string_view elements) {
  return raw_u32(type) + raw_u64(count) + std::string(elements);
}
inline std::string raw_tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                              std::uint32_t type, std::uint64_t offset) {
  std::string bytes = raw_string(name) + raw_u32(static_cast<std::uint32_t>(shape.size()));
  for (const std::uint64_t dim : shape) bytes += raw_u64(dim);
  return bytes + raw_u32(type) + raw_u64(offset);
}

/// A small file, correct as long as nothing is changed: five keys, two tensors, 128 bytes of data.
struct RawGguf {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::int64_t more_tensors = 0;  // added to the number that the file claims
  std::int64_t more_keys = 0;
  std::vector<std::string> keys = {
      raw_key("general.architecture", 8, raw_string("llama")),
      raw_key("llama.block_count", 4, raw_u32(3)),
      raw_key("tokenizer.ggml.tokens", 9, raw_array(8, 2, raw_string("a") + raw_string("bc"))),
      raw_key("tokenizer.ggml.scores", 9, raw_array(6, 2, raw(1.5f) + raw(-2.f))),
      raw_key("tokenizer.ggml.add_bos_token", 7, raw(std::uint8_t{1})),
  };
  std::vector<std::string> tensors = {
      raw_tensor("norm.weight", {4, 2}, 0, 0),      // f32: 32 bytes
      raw_tensor("output.weight", {32, 2}, 8, 32),  // q8_0: 68 bytes
  };
  std::uint64_t alignment = 32;
  std::string data = std::string(128, 'd');

  std::string header() const {
    std::string bytes = magic + raw_u32(version);
    bytes += raw_u64(tensors.size() + static_cast<std::uint64_t>(more_tensors));
    bytes += raw_u64(keys.size() + static_cast<std::uint64_t>(more_keys));
    for (const std::string& key : keys) bytes += key;
    for (const std::string& tensor : tensors) bytes += tensor;
    return bytes;
  }
  std::string bytes() const {
    std::string bytes = header();
    while (bytes.size() % alignment != 0) bytes += '\0';
    return bytes + data;
  }
};

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}

/// What opening the file complains about; empty when it opens.
inline std::string open_error(const std::string& path) {
  try {
    GgufFile::open(path);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace garam::test
