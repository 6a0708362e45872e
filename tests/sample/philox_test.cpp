// The generator against the test vectors that its authors publish with it (Random123, kat_vectors).
#include "sample/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace garam {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(Philox, GivesThePublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, CounterIsPositionStreamDrawAndKeyIsSeed) {
  EXPECT_EQ(random_bits(0, 0, 0, 0), 0xe169c58d6627e8d5u);
  EXPECT_EQ(random_bits(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x13198a2e, 0x03707344), 0x94fdccebd16cfe09u);
}

TEST(Philox, EveryInputChangesTheDraw) {
  const std::set<std::uint64_t> draws = {random_bits(1, 2, 3, 4),
                                         random_bits(2, 2, 3, 4),
                                         random_bits(1, 3, 3, 4),
                                         random_bits(1, 2, 4, 4),
                                         random_bits(1, 2, 3, 5),
                                         random_bits(1 + (1ull << 32), 2, 3, 4),
                                         random_bits(1, 2 + (1ull << 32), 3, 4)};
  EXPECT_EQ(draws.size(), 7u);
}

}  // namespace
}  // namespace garam
