// JSON documents from strangers: read whole, within limits of size, number of values and depth, and then
// asked for values by name. Every question that the document answers wrongly is an Error naming the file, the
// place in it, what was expected and what was found. Members of one name twice are refused. nlohmann-json
// parses; only json.cpp knows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace garam {

struct JsonLimits {
  std::uint64_t bytes = std::uint64_t{16} << 20;  // of the file
  std::size_t values = std::size_t{1} << 20;      // of all kinds, in the document
  std::size_t depth = 64;                         // of arrays and objects in each other
};

enum class JsonKind : std::uint8_t { kNull, kBoolean, kUnsigned, kSigned, kReal, kString, kArray, kObject };

/// Values in the order of the text, each container before what it holds.
struct JsonTape {
  struct Place {
    std::uint32_t begin, size;
  };
  struct Value {
    JsonKind kind = JsonKind::kNull;
    std::uint32_t parent = 0;
    std::uint32_t next = 0;                     // behind this value and all that it holds
    std::uint32_t key_begin = 0, key_size = 0;  // in `text`, of a member
    union {
      std::uint64_t number = 0;  // kUnsigned; kBoolean as 0 or 1; children of containers
      std::int64_t negative;     // kSigned
      double real;               // kReal
      Place text;                // kString
    };
  };
  std::string source;  // for messages
  std::string text;    // all strings
  std::vector<Value> values;
};

/// A value of a JsonDocument, which must outlive it. Cheap to copy.
class JsonValue {
 public:
  JsonValue(const JsonTape& tape, std::uint32_t at) : tape_(&tape), at_(at) {}

  JsonKind kind() const { return value().kind; }
  bool is(JsonKind kind) const { return value().kind == kind; }
  /// The name of a member.
  std::string_view key() const {
    return std::string_view(tape_->text).substr(value().key_begin, value().key_size);
  }
  /// Elements or members.
  std::size_t size() const;

  /// A member of this object that is not null; nothing where there is none. Throws where this is no object.
  std::optional<JsonValue> find(std::string_view name) const;
  /// The same, which must be there.
  JsonValue at(std::string_view name) const;

  // What the value is, or Error(kFormat).
  std::string_view string() const;
  bool boolean() const;
  std::uint64_t integer(std::uint64_t low, std::uint64_t high) const;
  /// Any finite number in [low, high].
  double real(double low, double high) const;

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = JsonValue;
    using difference_type = std::ptrdiff_t;
    using pointer = const JsonValue*;
    using reference = JsonValue;
    Iterator(const JsonTape& tape, std::uint32_t at) : tape_(&tape), at_(at) {}
    JsonValue operator*() const { return {*tape_, at_}; }
    Iterator& operator++() {
      at_ = tape_->values[at_].next;
      return *this;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const JsonTape* tape_;
    std::uint32_t at_;
  };
  struct Range {
    Iterator first, last;
    Iterator begin() const { return first; }
    Iterator end() const { return last; }
  };
  /// What an array or an object holds, in order. Throw where this is neither.
  Range elements() const;
  Range members() const;

  /// "config.json: rope_scaling.factor", for messages.
  std::string where() const;
  /// "array of 3 values", "string \"yarn\"", "-1": for messages.
  std::string describe() const;
  /// Throws Error(kFormat): where(), what was expected, describe().
  [[noreturn]] void refuse(std::string_view expected) const;

 private:
  const JsonTape::Value& value() const { return tape_->values[at_]; }
  Range children() const;

  const JsonTape* tape_;
  std::uint32_t at_;
};

class JsonDocument {
 public:
  /// `source` names the text in messages. Throws Error(kFormat).
  static JsonDocument parse(std::string_view text, const std::string& source, const JsonLimits& limits);
  /// The whole of a file. `hash` receives the hash of its bytes. Throws Error(kFormat), Error(kIo).
  static JsonDocument read(const ReadFile& file, const JsonLimits& limits, std::uint64_t& hash);

  JsonValue root() const { return {*tape_, 0}; }

 private:
  explicit JsonDocument(std::unique_ptr<const JsonTape> tape) : tape_(std::move(tape)) {}
  std::unique_ptr<const JsonTape> tape_;  // so that values stay where they are when the document moves
};

}  // namespace garam
