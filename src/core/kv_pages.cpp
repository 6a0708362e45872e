// Page lists. A page is zeroed when it is made, so a masked key is finite whatever its slot held before.
#include "core/kv_pages.h"

#include <cstring>

namespace garam {

using kernels::kPagePositions;

KvPage::KvPage(std::size_t bytes) : body_(new Body(bytes)) {}

KvPage::KvPage(const KvPage& other) noexcept : body_(other.body_) {
  if (body_ != nullptr) body_->references.fetch_add(1, std::memory_order_relaxed);
}

KvPage::~KvPage() {
  if (body_ != nullptr && body_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete body_;
}

void KvPageList::set(std::size_t index, KvPage page) {
  addresses_[index] = page.data();
  pages_[index] = std::move(page);
}

void KvPageList::reserve(std::size_t length, std::size_t count) {
  const std::size_t last = (length + count + kPagePositions - 1) / kPagePositions;
  const std::size_t first = length / kPagePositions;
  if (first < pages_.size() && first < last && !pages_[first].exclusive()) {
    KvPage copy(page_bytes_);
    std::memcpy(copy.data(), pages_[first].data(), page_bytes_);
    set(first, std::move(copy));
  }
  // Reserved but uncommitted pages of a failed pass lie behind `first`; a fork may share them, so replace.
  for (std::size_t i = first + 1; i < pages_.size() && i < last; ++i) {
    if (!pages_[i].exclusive()) set(i, KvPage(page_bytes_));
  }
  if (last <= pages_.size()) return;
  pages_.reserve(last);
  addresses_.reserve(last);
  while (pages_.size() < last) {
    KvPage page(page_bytes_);
    addresses_.push_back(page.data());
    pages_.push_back(std::move(page));
  }
}

void KvPageList::drop(std::size_t count) {
  for (; dropped_ < count; ++dropped_) set(dropped_, KvPage());
}

void KvPageList::begin_dropped(std::size_t count) {
  pages_.resize(count);
  addresses_.resize(count);
  dropped_ = count;
}

void KvPageList::truncate(std::size_t length) {
  if (length == 0) dropped_ = 0;
  const std::size_t pages = (length + kPagePositions - 1) / kPagePositions;
  if (pages < pages_.size()) {
    pages_.resize(pages);
    addresses_.resize(pages);
  }
}

void KvSequence::reserve(std::size_t count) {
  pages_.reserve(length_, count);
  if (layout_.windowed > 0) windowed_.reserve(length_, count);
}

void KvSequence::restore(std::size_t length, std::size_t dropped) {
  KvSequence fresh(layout_, window_);
  fresh.droppable().begin_dropped(dropped);
  for (KvPageList* list : {&fresh.pages_, &fresh.windowed_}) {
    const std::size_t gone = list->dropped() * kPagePositions;
    if (list == &fresh.pages_ || layout_.windowed > 0) list->reserve(gone, length - gone);
  }
  fresh.length_ = length;
  *this = std::move(fresh);
}

void KvSequence::drop_unreachable() {
  if (window_ == 0) return;
  const std::size_t keep = window_ + kernels::kChunkPositions + kRollbackMargin;
  if (length_ > keep) droppable().drop((length_ - keep) / kPagePositions);
}

std::size_t KvSequence::smallest_length() const noexcept {
  // The next token at position p sees keys above p - window; all of them must still be there.
  return dropped() == 0 ? 0 : dropped() * kPagePositions + window_ - 1;
}

void KvSequence::truncate(std::size_t length) {
  length_ = length;
  pages_.truncate(length);
  windowed_.truncate(length);
}

}  // namespace garam
