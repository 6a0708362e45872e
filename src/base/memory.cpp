// mmap with over-allocation for alignment; nothing is touched beyond what the caller writes.
#include "base/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/checked.h"
#include "base/fail.h"

namespace garam {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kSmallAlignment = 64;

}  // namespace

Memory::Memory(std::size_t bytes, const char* what) : bytes_(bytes) {
  if (bytes == 0) return;
  if (bytes < kHuge) {
    const std::size_t padded = (bytes + kSmallAlignment - 1) / kSmallAlignment * kSmallAlignment;
    base_ = std::aligned_alloc(kSmallAlignment, padded);
    if (base_ == nullptr) fail(ErrorCode::kOutOfMemory, "{}: {} bytes could not be allocated", what, bytes);
    std::memset(base_, 0, padded);
    data_ = static_cast<std::byte*>(base_);
    return;
  }
  const auto mapped = checked_add(bytes, kHuge);
  void* base = mapped ? ::mmap(nullptr, *mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                      : MAP_FAILED;
  if (base == MAP_FAILED) fail(ErrorCode::kOutOfMemory, "{}: {} bytes could not be allocated", what, bytes);
  base_ = base;
  mapped_ = *mapped;
  const auto address = (reinterpret_cast<std::uintptr_t>(base) + kHuge - 1) / kHuge * kHuge;
  data_ = reinterpret_cast<std::byte*>(address);
  ::madvise(data_, bytes, MADV_HUGEPAGE);
}

Memory::~Memory() {
  if (mapped_ != 0) {
    ::munmap(base_, mapped_);
  } else {
    std::free(base_);
  }
}

}  // namespace garam
