// Hyper-parameters by name, as an architecture asks for them. The container behind it (GGUF today) is an
// adapter in src/model; every number is range-checked here, since it comes from a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace garam {

/// Raw access to the keys of a model file. Implementations throw Error(kFormat) for a key of another type.
class KeySource {
 public:
  virtual ~KeySource() = default;
  /// The file, for messages.
  virtual const std::string& file() const = 0;
  virtual bool has(const std::string& key) const = 0;
  virtual std::optional<std::uint64_t> unsigned_integer(const std::string& key) const = 0;
  virtual std::optional<double> real(const std::string& key) const = 0;
  virtual std::optional<std::string> string(const std::string& key) const = 0;
  virtual std::optional<bool> boolean(const std::string& key) const = 0;
  virtual std::optional<std::vector<std::string>> strings(const std::string& key) const = 0;
  /// The elements of an array of booleans; nothing where the key is another kind of value.
  virtual std::optional<std::vector<bool>> booleans(const std::string& key) const = 0;
};

/// Keys of one architecture, "llama.block_count" asked for as "block_count". All getters throw Error(kFormat)
/// naming file, key, expected and found.
class Metadata {
 public:
  Metadata(const KeySource& source, std::string architecture)
      : source_(source), prefix_(std::move(architecture) + ".") {}

  const std::string& file() const { return source_.file(); }
  /// A required integer in [low, high].
  std::uint64_t integer(std::string_view key, std::uint64_t low, std::uint64_t high) const;
  /// An optional integer in [low, high].
  std::uint64_t integer_or(std::string_view key, std::uint64_t low, std::uint64_t high,
                           std::uint64_t fallback) const;
  bool has(std::string_view key) const;
  /// A required finite number in [low, high], as f32.
  float real(std::string_view key, double low, double high) const;
  float real_or(std::string_view key, double low, double high, float fallback) const;
  std::string string_or(std::string_view key, std::string_view fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  /// An array of at most `most` strings; empty where the key is absent.
  std::vector<std::string> strings(std::string_view key, std::size_t most) const;
  /// An array of booleans of exactly `size` elements; nothing where the key is absent or not such an array.
  std::optional<std::vector<bool>> booleans(std::string_view key, std::size_t size) const;
  /// The full name of a key, for messages.
  std::string name(std::string_view key) const { return prefix_ + std::string(key); }

 private:
  const KeySource& source_;
  std::string prefix_;
};

}  // namespace garam
