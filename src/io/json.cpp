// The parser hands over one event after the other, so that nothing here or there recurses; the limits are
// checked before a value is kept.
#include "io/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "base/hash.h"
#include "base/printable.h"

namespace garam {
namespace {

/// Receives the parser's events.
class TapeWriter {
 public:
  using number_integer_t = std::int64_t;
  using number_unsigned_t = std::uint64_t;
  using number_float_t = double;
  using string_t = std::string;
  using binary_t = nlohmann::json::binary_t;

  TapeWriter(JsonTape& tape, const JsonLimits& limits) : tape_(tape), limits_(limits) {}

  bool null() {
    leaf(JsonKind::kNull);
    return true;
  }
  bool boolean(bool value) {
    leaf(JsonKind::kBoolean).number = value ? 1 : 0;
    return true;
  }
  bool number_integer(number_integer_t value) {
    if (value >= 0) return number_unsigned(static_cast<number_unsigned_t>(value));
    leaf(JsonKind::kSigned).negative = value;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) {
    leaf(JsonKind::kUnsigned).number = value;
    return true;
  }
  bool number_float(number_float_t value, const string_t&) {
    leaf(JsonKind::kReal).real = value;
    return true;
  }
  bool string(string_t& value) {
    const std::uint32_t begin = keep(value);
    leaf(JsonKind::kString).text = {begin, static_cast<std::uint32_t>(value.size())};
    return true;
  }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return open(JsonKind::kObject); }
  bool start_array(std::size_t) { return open(JsonKind::kArray); }
  bool key(string_t& name) {
    key_begin_ = keep(name);
    key_size_ = static_cast<std::uint32_t>(name.size());
    return true;
  }
  bool end_object() {
    refuse_duplicates(open_.back());
    return end_array();
  }
  bool end_array() {
    tape_.values[open_.back()].next = count();
    open_.pop_back();
    return true;
  }
  [[noreturn]] bool parse_error(std::size_t position, const std::string& token,
                                const nlohmann::json::exception& error) {
    const bool number = error.id == 406;  // of an exponent that no double has
    fail(ErrorCode::kFormat, "{}: expected JSON, found {} at byte {} (\"{}\")", tape_.source,
         number ? "a number out of range" : "a syntax error", position, printable(token, 20));
  }

 private:
  std::uint32_t count() const { return static_cast<std::uint32_t>(tape_.values.size()); }

  std::uint32_t keep(const std::string& text) {
    const auto begin = static_cast<std::uint32_t>(tape_.text.size());  // below limits_.bytes, far below 2^32
    tape_.text += text;
    return begin;
  }

  JsonTape::Value& leaf(JsonKind kind) {
    if (tape_.values.size() >= limits_.values) {
      fail(ErrorCode::kFormat, "{}: expected at most {} JSON values, found more", tape_.source,
           limits_.values);
    }
    JsonTape::Value& value = tape_.values.emplace_back();
    value.kind = kind;
    value.next = count();
    value.key_begin = std::exchange(key_begin_, 0);
    value.key_size = std::exchange(key_size_, 0);
    if (!open_.empty()) {
      value.parent = open_.back();
      ++tape_.values[open_.back()].number;
    }
    return value;
  }

  bool open(JsonKind kind) {
    if (open_.size() >= limits_.depth) {
      fail(ErrorCode::kFormat, "{}: expected arrays and objects at most {} deep, found more", tape_.source,
           limits_.depth);
    }
    leaf(kind);
    open_.push_back(count() - 1);
    return true;
  }

  void refuse_duplicates(std::uint32_t object) {
    const auto key = [this](std::uint32_t at) { return JsonValue(tape_, at).key(); };
    members_.clear();
    for (std::uint32_t at = object + 1; at < count(); at = tape_.values[at].next) members_.push_back(at);
    std::sort(members_.begin(), members_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
    const auto twice = std::adjacent_find(members_.begin(), members_.end(),
                                          [&](std::uint32_t a, std::uint32_t b) { return key(a) == key(b); });
    if (twice == members_.end()) return;
    fail(ErrorCode::kFormat, "{}: expected each name once, found it again", JsonValue(tape_, *twice).where());
  }

  JsonTape& tape_;
  const JsonLimits& limits_;
  std::vector<std::uint32_t> open_;     // containers around the next value
  std::vector<std::uint32_t> members_;  // of the object that ends
  std::uint32_t key_begin_ = 0, key_size_ = 0;
};

std::string_view name_of(JsonKind kind) {
  constexpr std::string_view kNames[] = {"null",     "a boolean", "an integer", "an integer",
                                         "a number", "a string",  "an array",   "an object"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace

std::size_t JsonValue::size() const {
  return is(JsonKind::kArray) || is(JsonKind::kObject) ? value().number : 0;
}

JsonValue::Range JsonValue::children() const {
  return {{*tape_, at_ + 1}, {*tape_, value().next}};
}

JsonValue::Range JsonValue::elements() const {
  if (!is(JsonKind::kArray)) refuse("an array");
  return children();
}

JsonValue::Range JsonValue::members() const {
  if (!is(JsonKind::kObject)) refuse("an object");
  return children();
}

std::optional<JsonValue> JsonValue::find(std::string_view name) const {
  for (const JsonValue member : members()) {
    if (member.key() != name) continue;
    if (member.is(JsonKind::kNull)) return std::nullopt;
    return member;
  }
  return std::nullopt;
}

JsonValue JsonValue::at(std::string_view name) const {
  const auto member = find(name);
  if (member) return *member;
  fail(ErrorCode::kFormat, "{}: expected a member \"{}\", found none", where(), printable(name));
}

std::string_view JsonValue::string() const {
  if (!is(JsonKind::kString)) refuse("a string");
  return std::string_view(tape_->text).substr(value().text.begin, value().text.size);
}

bool JsonValue::boolean() const {
  if (!is(JsonKind::kBoolean)) refuse("true or false");
  return value().number != 0;
}

std::uint64_t JsonValue::integer(std::uint64_t low, std::uint64_t high) const {
  if (!is(JsonKind::kUnsigned) || value().number < low || value().number > high) {
    refuse(formatted("an integer from {} to {}", low, high));
  }
  return value().number;
}

double JsonValue::real(double low, double high) const {
  double number = NAN;
  if (is(JsonKind::kUnsigned)) number = static_cast<double>(value().number);
  if (is(JsonKind::kSigned)) number = static_cast<double>(value().negative);
  if (is(JsonKind::kReal)) number = value().real;
  if (!(number >= low && number <= high)) refuse(formatted("a number from {} to {}", low, high));
  return number;
}

std::string JsonValue::where() const {
  std::vector<std::string> steps;
  for (std::uint32_t at = at_; at != 0; at = tape_->values[at].parent) {
    const std::uint32_t parent = tape_->values[at].parent;
    if (tape_->values[parent].kind == JsonKind::kObject) {
      steps.push_back(printable(JsonValue(*tape_, at).key()));
      if (parent != 0) steps.emplace_back(".");
      continue;
    }
    std::size_t index = 0;
    for (std::uint32_t i = parent + 1; i != at; i = tape_->values[i].next) ++index;
    steps.push_back(formatted("[{}]", index));
  }
  std::string text = tape_->source;
  if (!steps.empty()) text += ": ";
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) text += *step;
  return text;
}

std::string JsonValue::describe() const {
  switch (kind()) {
    case JsonKind::kBoolean:
      return value().number != 0 ? "true" : "false";
    case JsonKind::kUnsigned:
      return formatted("{}", value().number);
    case JsonKind::kSigned:
      return formatted("{}", value().negative);
    case JsonKind::kReal:
      return formatted("{}", value().real);
    case JsonKind::kString:
      return formatted("\"{}\"", printable(string()));
    case JsonKind::kArray:
    case JsonKind::kObject:
      return formatted("{} of {}", name_of(kind()), size());
    case JsonKind::kNull:
      break;
  }
  return std::string(name_of(kind()));
}

void JsonValue::refuse(std::string_view expected) const {
  fail(ErrorCode::kFormat, "{}: expected {}, found {}", where(), expected, describe());
}

JsonDocument JsonDocument::parse(std::string_view text, const std::string& source, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    fail(ErrorCode::kFormat, "{}: expected at most {} bytes of JSON, found {}", source, limits.bytes,
         text.size());
  }
  auto tape = std::make_unique<JsonTape>();
  tape->source = source;
  TapeWriter writer(*tape, limits);
  nlohmann::json::sax_parse(text.begin(), text.end(), &writer);
  return JsonDocument(std::move(tape));
}

JsonDocument JsonDocument::read(const ReadFile& file, const JsonLimits& limits, std::uint64_t& hash) {
  if (file.size() > limits.bytes) {
    fail(ErrorCode::kFormat, "{}: expected at most {} bytes of JSON, found {}", file.path(), limits.bytes,
         file.size());
  }
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  hash = hash_bytes(text.data(), text.size());
  return parse(text, file.path(), limits);
}

}  // namespace garam
