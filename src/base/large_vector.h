// Vectors that grow to megabytes and are filled once: their memory comes in huge pages, of which the system
// hands out one where it would hand out 512. For 2 MB of text that is a third of the time of merging.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace garam {

/// As std::allocator, but from 2 MiB on aligned to that, with huge pages advised.
template <typename T>
class LargeAllocator {
 public:
  using value_type = T;

  LargeAllocator() = default;
  template <typename U>
  LargeAllocator(const LargeAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);  // vector has checked its max_size()
    if (bytes < kHuge) return static_cast<T*>(::operator new(bytes));
    const std::size_t padded = (bytes + kHuge - 1) / kHuge * kHuge;
    void* data = std::aligned_alloc(kHuge, padded);
    if (data == nullptr) throw std::bad_alloc();
    ::madvise(data, padded, MADV_HUGEPAGE);
    return static_cast<T*>(data);
  }
  void deallocate(T* data, std::size_t count) noexcept {
    if (count * sizeof(T) < kHuge) {
      ::operator delete(data);
    } else {
      std::free(data);
    }
  }
  friend bool operator==(const LargeAllocator&, const LargeAllocator&) noexcept { return true; }

 private:
  static constexpr std::size_t kHuge = std::size_t{2} << 20;
};

template <typename T>
using LargeVector = std::vector<T, LargeAllocator<T>>;

}  // namespace garam
