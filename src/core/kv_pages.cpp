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

std::size_t KvSequence::bytes() const noexcept {
  return (pages_.size() - dropped_) * layout_.page_bytes();
}

void KvSequence::set(std::size_t index, KvPage page) {
  addresses_[index] = page.data();
  pages_[index] = std::move(page);
}

void KvSequence::reserve(std::size_t count) {
  const std::size_t bytes = layout_.page_bytes();
  const std::size_t last = (length_ + count + kPagePositions - 1) / kPagePositions;
  const std::size_t first = length_ / kPagePositions;
  if (first < pages_.size() && first < last && !pages_[first].exclusive()) {
    KvPage copy(bytes);
    std::memcpy(copy.data(), pages_[first].data(), bytes);
    set(first, std::move(copy));
  }
  // Reserved but uncommitted pages of a failed pass lie behind `first`; a fork may share them, so replace.
  for (std::size_t i = first + 1; i < pages_.size() && i < last; ++i) {
    if (!pages_[i].exclusive()) set(i, KvPage(bytes));
  }
  if (last <= pages_.size()) return;
  pages_.reserve(last);
  addresses_.reserve(last);
  while (pages_.size() < last) {
    KvPage page(bytes);
    addresses_.push_back(page.data());
    pages_.push_back(std::move(page));
  }
}

void KvSequence::restore(std::size_t length, std::size_t dropped) {
  KvSequence fresh(layout_, window_);
  fresh.pages_.resize(dropped);
  fresh.addresses_.resize(dropped);
  fresh.dropped_ = dropped;
  fresh.length_ = dropped * kPagePositions;
  fresh.reserve(length - fresh.length_);
  fresh.length_ = length;
  *this = std::move(fresh);
}

void KvSequence::drop_unreachable() {
  if (window_ == 0) return;
  const std::size_t keep = window_ + kernels::kChunkPositions + kRollbackMargin;
  if (length_ <= keep) return;
  for (; dropped_ < (length_ - keep) / kPagePositions; ++dropped_) set(dropped_, KvPage());
}

std::size_t KvSequence::smallest_length() const noexcept {
  // The next token at position p sees keys above p - window; all of them must still be there.
  return dropped_ == 0 ? 0 : dropped_ * kPagePositions + window_ - 1;
}

void KvSequence::truncate(std::size_t length) {
  length_ = length;
  if (length == 0) dropped_ = 0;
  const std::size_t pages = (length + kPagePositions - 1) / kPagePositions;
  if (pages < pages_.size()) {
    pages_.resize(pages);
    addresses_.resize(pages);
  }
}

}  // namespace garam
