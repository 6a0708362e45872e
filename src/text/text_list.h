// Many short texts in one piece of memory: a std::string of its own for each would take three times as much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace garam {

/// Texts by index. Altogether at most 2^32 - 1 bytes, which is the caller's to see to. Views are valid until
/// the list grows.
class TextList {
 public:
  void reserve(std::size_t texts, std::size_t bytes) {
    ends_.reserve(texts);
    bytes_.reserve(bytes);
  }
  void push_back(std::string_view text) {
    write_back([text](std::string& out) { out += text; });
  }
  /// Adds what `write` appends to the string that it is given.
  template <typename Write>
  void write_back(Write write) {
    write(bytes_);
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }

  std::size_t size() const noexcept { return ends_.size(); }
  /// Of all texts.
  std::size_t bytes() const noexcept { return bytes_.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + begin, ends_[i] - begin};
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace garam
