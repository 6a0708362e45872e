// A buffer whose end is a page that cannot be touched and that can be made read-only: a kernel that reads or
// writes past its rows, or writes its inputs, dies on the spot instead of passing.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace garam::test {

/// `count` elements of T, the first aligned to `alignment`. Without room for both, alignment wins and up to
/// alignment - 1 bytes lie between the end and the forbidden page: give sizes that are multiples of it.
template <typename T>
class Guarded {
 public:
  explicit Guarded(std::size_t count, std::size_t alignment = alignof(T)) : count_(count) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (count * sizeof(T) + alignment - 1) / alignment * alignment;
    const std::size_t body = (bytes + page - 1) / page * page;
    mapped_ = body + 2 * page;  // a forbidden page on either side
    void* map = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(map);
    body_ = base_ + page;
    body_bytes_ = body;
    if (body > 0 && mprotect(body_, body, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    data_ = reinterpret_cast<T*>(body_ + body - bytes);
  }
  ~Guarded() {
    if (base_ != nullptr) munmap(base_, mapped_);
  }
  Guarded(Guarded&& other) noexcept
      : count_(other.count_),
        mapped_(other.mapped_),
        body_bytes_(other.body_bytes_),
        base_(std::exchange(other.base_, nullptr)),
        body_(other.body_),
        data_(other.data_) {}
  Guarded& operator=(Guarded&&) = delete;

  /// From here on writing faults.
  void freeze() {
    if (body_bytes_ > 0) mprotect(body_, body_bytes_, PROT_READ);
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return count_; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  std::size_t count_;
  std::size_t mapped_ = 0;
  std::size_t body_bytes_ = 0;
  std::byte* base_ = nullptr;
  std::byte* body_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace garam::test
