// KV pages: sharing, copy on write, sliding-window dropping, truncation.
#include "core/kv_pages.h"

#include <gtest/gtest.h>

#include <cstring>

namespace garam {
namespace {

constexpr ops::KvLayout kLayout{
    .layers = 2, .kv_heads = 3, .key_dim = 8, .value_dim = 20, .format = kernels::KvFormat::kF16};

void append(KvSequence& sequence, std::size_t count, int mark) {
  sequence.reserve(count);
  for (std::size_t p = sequence.length(); p < sequence.length() + count; ++p) {
    sequence.pages()[p / 64][p % 64] = static_cast<std::byte>(mark);
  }
  sequence.commit(count);
  sequence.drop_unreachable();
}

int mark_at(const KvSequence& sequence, std::size_t p) {
  return static_cast<int>(sequence.pages()[p / 64][p % 64]);
}

TEST(KvLayout, BlocksDoNotOverlap) {
  EXPECT_EQ(kLayout.k_bytes(), 64u * 8 * 2);
  EXPECT_EQ(kLayout.v_bytes(), 64u * 32 * 2);  // 20 rounded up to 32
  EXPECT_EQ(kLayout.v_offset(0, 0), kLayout.k_bytes());
  EXPECT_EQ(kLayout.k_offset(0, 1), kLayout.k_bytes() + kLayout.v_bytes());
  EXPECT_EQ(kLayout.v_offset(1, 2) + kLayout.v_bytes(), kLayout.page_bytes());
}

TEST(KvSequence, NewPagesAreZero) {
  KvSequence sequence(kLayout, 0);
  sequence.reserve(65);
  ASSERT_EQ(sequence.pages().size(), 2u);
  for (std::byte* page : sequence.pages()) {
    for (std::size_t i = 0; i < kLayout.page_bytes(); ++i) ASSERT_EQ(page[i], std::byte{0});
  }
}

TEST(KvSequence, ForkSharesPagesUntilOneWrites) {
  KvSequence a(kLayout, 0);
  append(a, 100, 1);
  KvSequence b = a;
  EXPECT_EQ(a.pages()[0], b.pages()[0]);
  EXPECT_EQ(a.pages()[1], b.pages()[1]);
  append(b, 1, 2);
  EXPECT_EQ(a.pages()[0], b.pages()[0]) << "a full page stays shared";
  EXPECT_NE(a.pages()[1], b.pages()[1]) << "the last page is copied";
  append(a, 1, 3);
  EXPECT_EQ(mark_at(a, 99), 1);
  EXPECT_EQ(mark_at(b, 99), 1);
  EXPECT_EQ(mark_at(a, 100), 3);
  EXPECT_EQ(mark_at(b, 100), 2);
}

TEST(KvSequence, ForkAtPageBoundaryCopiesNothing) {
  KvSequence a(kLayout, 0);
  append(a, 128, 1);
  KvSequence b = a;
  append(b, 1, 2);
  EXPECT_EQ(a.pages().size(), 2u);
  EXPECT_EQ(b.pages().size(), 3u);
  EXPECT_EQ(a.pages()[1], b.pages()[1]);
}

TEST(KvSequence, TruncateThenWriteLeavesAForkAlone) {
  KvSequence a(kLayout, 0);
  append(a, 200, 1);
  KvSequence b = a;
  a.truncate(70);
  append(a, 100, 4);
  EXPECT_EQ(mark_at(b, 70), 1);
  EXPECT_EQ(mark_at(a, 70), 4);
  EXPECT_EQ(mark_at(a, 69), 1);
}

TEST(KvSequence, ReservedPagesSharedByAForkAreReplaced) {
  KvSequence a(kLayout, 0);
  append(a, 10, 1);
  a.reserve(200);  // a pass that failed later leaves such pages behind
  KvSequence b = a;
  append(a, 200, 2);
  append(b, 200, 3);
  for (const std::size_t p : {10u, 64u, 128u, 209u}) {
    EXPECT_EQ(mark_at(a, p), 2);
    EXPECT_EQ(mark_at(b, p), 3);
  }
}

TEST(KvSequence, WindowDropsPagesButKeepsTheMargin) {
  KvSequence sequence(kLayout, 100);
  append(sequence, 612, 1);
  EXPECT_EQ(sequence.dropped(), 0u) << "window 100 + chunk 256 + margin 256";
  append(sequence, 64, 1);
  EXPECT_EQ(sequence.dropped(), 1u);
  EXPECT_EQ(sequence.pages()[0], nullptr);
  EXPECT_EQ(sequence.smallest_length(), 64u + 99u);
  EXPECT_EQ(sequence.bytes(), (sequence.pages().size() - 1) * kLayout.page_bytes());
  EXPECT_LE(sequence.smallest_length() + kRollbackMargin, sequence.length());
  sequence.truncate(0);
  EXPECT_EQ(sequence.dropped(), 0u);
  append(sequence, 3, 9);
  EXPECT_EQ(mark_at(sequence, 2), 9);
}

TEST(KvSequence, RestoreMakesRoomBehindDroppedPages) {
  KvSequence sequence(kLayout, 100);
  sequence.restore(700, 1);
  EXPECT_EQ(sequence.length(), 700u);
  EXPECT_EQ(sequence.pages()[0], nullptr);
  EXPECT_NE(sequence.pages()[10], nullptr);
  EXPECT_EQ(sequence.dropped(), 1u);
}

// Layers 0 and 2 of three see a window.
constexpr ops::KvPlace kPlaces[] = {{0, true}, {0, false}, {1, true}};
constexpr ops::KvLayout kMixed{.layers = 3,
                               .kv_heads = 3,
                               .key_dim = 8,
                               .value_dim = 20,
                               .format = kernels::KvFormat::kF16,
                               .places = kPlaces,
                               .windowed = 2};

TEST(KvLayout, LayersWithAWindowHavePagesOfTheirOwn) {
  EXPECT_EQ(kMixed.windowed_page_bytes(), kLayout.page_bytes());
  EXPECT_EQ(kMixed.page_bytes(), kLayout.page_bytes() / 2);
  EXPECT_EQ(kMixed.v_offset(2, 2) + kMixed.v_bytes(), kMixed.windowed_page_bytes());
  EXPECT_EQ(kMixed.v_offset(1, 2) + kMixed.v_bytes(), kMixed.page_bytes());
  EXPECT_TRUE(kMixed.in_windowed_pages(0) && !kMixed.in_windowed_pages(1) && kMixed.in_windowed_pages(2));
}

TEST(KvSequence, OnlyPagesOfLayersWithAWindowAreDropped) {
  KvSequence sequence(kMixed, 100);
  append(sequence, 612 + 64, 1);
  EXPECT_EQ(sequence.dropped(), 1u);
  EXPECT_EQ(sequence.windowed_pages()[0], nullptr);
  EXPECT_NE(sequence.windowed_pages()[1], nullptr);
  EXPECT_EQ(mark_at(sequence, 0), 1);
  EXPECT_EQ(sequence.smallest_length(), 64u + 99u);
  EXPECT_EQ(sequence.bytes(), 11 * kMixed.page_bytes() + 10 * kMixed.windowed_page_bytes());
  KvSequence fork = sequence;
  append(fork, 1, 2);
  EXPECT_NE(fork.windowed_pages()[10], sequence.windowed_pages()[10]) << "the last page is copied";
  EXPECT_NE(fork.pages()[10], sequence.pages()[10]);
  EXPECT_EQ(fork.windowed_pages()[9], sequence.windowed_pages()[9]);
  fork.restore(700, 1);
  EXPECT_EQ(fork.windowed_pages()[0], nullptr);
  EXPECT_NE(fork.pages()[0], nullptr);
  EXPECT_EQ(fork.windowed_pages().size(), 11u);
  EXPECT_EQ(fork.pages().size(), 11u);
  fork.truncate(0);
  EXPECT_EQ(fork.bytes(), 0u);
  EXPECT_EQ(fork.dropped(), 0u);
}

}  // namespace
}  // namespace garam
