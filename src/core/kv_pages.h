// The KV cache of one sequence: a list of counted pages of 64 positions. Pages are shared between forks until
// one of them writes (copy on write).
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include "base/memory.h"
#include "ops/attention.h"

namespace garam {

/// A counted reference to one page. Copying is cheap and thread-safe across sequences.
class KvPage {
 public:
  KvPage() = default;
  /// A new, zeroed page.
  explicit KvPage(std::size_t bytes);
  KvPage(const KvPage& other) noexcept;
  KvPage(KvPage&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  KvPage& operator=(KvPage other) noexcept {
    std::swap(body_, other.body_);
    return *this;
  }
  ~KvPage();

  std::byte* data() const noexcept { return body_ != nullptr ? body_->memory.data() : nullptr; }
  explicit operator bool() const noexcept { return body_ != nullptr; }
  /// Whether this is the only reference; then nobody else can gain one and the page may be written.
  bool exclusive() const noexcept { return body_->references.load(std::memory_order_acquire) == 1; }

 private:
  struct Body {
    explicit Body(std::size_t bytes) : memory(bytes, "KV page") {}
    std::atomic<std::size_t> references{1};
    Memory memory;
  };
  Body* body_ = nullptr;
};

/// Positions behind a sliding window that stay available for truncate().
inline constexpr std::size_t kRollbackMargin = 256;

/// The pages of one kind that a sequence has, by position / 64.
class KvPageList {
 public:
  explicit KvPageList(std::size_t page_bytes) : page_bytes_(page_bytes) {}

  /// Null where dropped.
  std::span<std::byte* const> addresses() const noexcept { return addresses_; }
  std::size_t bytes() const noexcept { return (pages_.size() - dropped_) * page_bytes_; }
  /// Pages [0, dropped()) are gone.
  std::size_t dropped() const noexcept { return dropped_; }
  /// Makes positions [length, length + count) writable.
  void reserve(std::size_t length, std::size_t count);
  /// Drops the first `count` pages, of which some may be gone already.
  void drop(std::size_t count);
  /// Precondition: empty. Begins with `count` dropped pages.
  void begin_dropped(std::size_t count);
  void truncate(std::size_t length);

 private:
  void set(std::size_t index, KvPage page);

  std::size_t page_bytes_;
  std::size_t dropped_ = 0;
  std::vector<KvPage> pages_;
  std::vector<std::byte*> addresses_;
};

/// `window` is that of the layers in windowed pages or, where the layout has none, of all layers; 0 = none.
class KvSequence {
 public:
  KvSequence(const ops::KvLayout& layout, std::size_t window)
      : layout_(layout),
        window_(window),
        pages_(layout.page_bytes()),
        windowed_(layout.windowed_page_bytes()) {}

  const ops::KvLayout& layout() const noexcept { return layout_; }
  std::size_t length() const noexcept { return length_; }
  /// Pages by position / 64, null where dropped. Valid until the sequence changes.
  std::span<std::byte* const> pages() const noexcept { return pages_.addresses(); }
  /// Those of layers with a window; empty where the layout has none.
  std::span<std::byte* const> windowed_pages() const noexcept { return windowed_.addresses(); }
  /// Bytes referred to.
  std::size_t bytes() const noexcept { return pages_.bytes() + windowed_.bytes(); }

  /// Makes positions [length, length + count) writable: adds zeroed pages and copies a shared last page. On
  /// Error(kOutOfMemory) the tokens held are unchanged.
  void reserve(std::size_t count);
  /// The next `count` reserved positions now hold tokens.
  void commit(std::size_t count) noexcept { length_ += count; }
  /// Drops pages that no window will see again, but for the rollback margin.
  void drop_unreachable();
  /// The first dropped() pages are gone, of those that a window may drop.
  std::size_t dropped() const noexcept { return droppable().dropped(); }
  /// Replaces everything by `length` positions, of which the first `dropped` pages are gone, in new zeroed
  /// pages that the caller fills.
  void restore(std::size_t length, std::size_t dropped);
  /// Smallest length but 0 that truncate() accepts.
  std::size_t smallest_length() const noexcept;
  /// Forgets positions from `length` on; precondition: length <= length(), and
  /// length is 0 or at least smallest_length().
  void truncate(std::size_t length);

 private:
  const KvPageList& droppable() const noexcept { return layout_.windowed > 0 ? windowed_ : pages_; }
  KvPageList& droppable() noexcept { return layout_.windowed > 0 ? windowed_ : pages_; }

  ops::KvLayout layout_;
  std::size_t window_;
  std::size_t length_ = 0;
  KvPageList pages_, windowed_;
};

}  // namespace garam
