// Owned, aligned memory straight from the system, zeroed or (ReadFile::map) a part of a file: 2 MiB aligned
// with huge pages advised where it is large, so that weights and KV pages are streamed with few TLB misses.
// Exhaustion is Error(kOutOfMemory).
#pragma once

#include <cstddef>
#include <utility>

namespace garam {

class Memory {
 public:
  Memory() = default;
  /// `bytes` zeroed bytes, aligned to at least 64. `what` names the use in the error message.
  Memory(std::size_t bytes, const char* what);
  ~Memory();
  Memory(Memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        base_(std::exchange(other.base_, nullptr)),
        mapped_(std::exchange(other.mapped_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(base_, other.base_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return bytes_; }

 private:
  friend class ReadFile;  // which maps files
  /// Takes over `mapped` bytes of address space at `base`, of which `bytes` at `data` are used.
  Memory(std::byte* data, std::size_t bytes, void* base, std::size_t mapped) noexcept
      : data_(data), bytes_(bytes), base_(base), mapped_(mapped) {}

  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  void* base_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace garam
