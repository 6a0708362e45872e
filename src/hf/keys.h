// The keys of one model under GGUF's names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/model_file.h"

namespace garam {

class KeyList {
 public:
  /// Adds a key as it is named.
  void add(std::string name, GgufValue value) { keys_.push_back({std::move(name), std::move(value)}); }

  /// Sets what stands before the names of the following ones, and general.architecture.
  void set_architecture(const std::string& architecture) {
    architecture_ = architecture;
    add("general.architecture", architecture);
  }
  const std::string& architecture() const { return architecture_; }
  // Keys of the architecture.
  void number(std::string_view name, std::uint64_t value) {
    add(full(name), static_cast<std::uint32_t>(value));  // ranges were checked when it was read
  }
  void real(std::string_view name, double value) { add(full(name), static_cast<float>(value)); }
  void text(std::string_view name, std::string_view value) { add(full(name), std::string(value)); }

  void texts(std::string_view name, const std::vector<std::string>& values) {
    add(full(name), GgufArray(values));
  }
  void flags(std::string_view name, const std::vector<bool>& values) { add(full(name), GgufArray(values)); }

  std::vector<GgufKey> take() { return std::move(keys_); }

 private:
  std::string full(std::string_view name) const { return architecture_ + "." + std::string(name); }

  std::string architecture_;
  std::vector<GgufKey> keys_;
};

}  // namespace garam
