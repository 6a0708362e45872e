// config.json: numbers by name, each with its range, and what a decoder's configuration has in all families.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/json.h"

namespace garam {

/// The object that describes the text model. Names that are null count as absent.
class HfConfig {
 public:
  explicit HfConfig(const JsonValue& root) : root_(root) {}

  std::optional<JsonValue> find(std::string_view name) const { return root_.find(name); }
  bool has(std::string_view name) const { return find(name).has_value(); }
  JsonValue at(std::string_view name) const { return root_.at(name); }

  std::uint64_t integer(std::string_view name, std::uint64_t low, std::uint64_t high) const;
  std::uint64_t integer_or(std::string_view name, std::uint64_t low, std::uint64_t high,
                           std::uint64_t fallback) const;
  double real_or(std::string_view name, double low, double high, double fallback) const;
  bool boolean_or(std::string_view name, bool fallback) const;
  std::string string_or(std::string_view name, std::string_view fallback) const;

  /// Throws Error(kUnsupported) where `name` is there and not `value`.
  void expect(std::string_view name, bool value) const;
  void expect_one_of(std::string_view name, std::initializer_list<std::string_view> values) const;
  /// Throws Error(kUnsupported): a value that garam does not compute with.
  [[noreturn]] void unsupported(const JsonValue& value, std::string_view expected) const;

  std::string where(std::string_view name) const;

 private:
  JsonValue root_;
};

/// What a family takes where config.json says nothing: its class in transformers writes only what differs.
struct DecoderDefaults {
  std::optional<std::uint64_t> heads{}, kv_heads{}, head_dim{}, context{}, vocab{};
  double eps = 1e-6;
  double rope_base = 10000;
  bool tied = false;  // whether the output is the embedding
};

struct Decoder {
  std::uint64_t context = 0, width = 0, layers = 0, hidden = 0;
  std::uint64_t heads = 0, kv_heads = 0, head_dim = 0, vocab = 0;
  double eps = 0;
  double rope_base = 0;
  bool tied = false;

  static Decoder read(const HfConfig& config, const DecoderDefaults& defaults);
};

}  // namespace garam
