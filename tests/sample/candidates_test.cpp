// Selection against a full sort, with many ties and awkward values.
#include "sample/candidates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "garam/error.h"
#include "support/random.h"

namespace garam {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<Candidate> sorted(std::span<const float> logits) {
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != -kInfinity) all.emplace_back(logits[i], static_cast<std::int32_t>(i));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  return all;
}

/// Few different values, so that most selections cut through a tie.
std::vector<float> logits_with_ties(std::size_t count, std::uint64_t seed) {
  test::Random random(seed);
  std::vector<float> logits(count);
  constexpr float kValues[] = {-kInfinity, -3, -0.0f, 0.0f, 1e-30f, 2, 2.5f};
  for (float& logit : logits) logit = kValues[random.below(std::size(kValues))];
  return logits;
}

TEST(Candidates, BestAreThoseOfAFullSort) {
  for (const std::size_t vocab : {1u, 2u, 15u, 16u, 17u, 257u, 3000u}) {
    const auto logits = logits_with_ties(vocab, vocab);
    const auto all = sorted(logits);
    for (const std::size_t count : {0u, 1u, 2u, 7u, 40u, 255u, 1024u, 1025u, 2999u, 5000u}) {
      std::vector<Candidate> expected(all.begin(),
                                      all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size())));
      std::vector<Candidate> found;
      best_candidates(logits, count, found);
      EXPECT_EQ(found, expected) << vocab << " tokens, best " << count;
    }
    const auto best = best_candidate(logits);
    ASSERT_EQ(best.has_value(), !all.empty());
    if (best) {
      EXPECT_EQ(*best, all.front());
    }
  }
}

TEST(Candidates, RankingSortsAsFarAsLookedAt) {
  const auto logits = logits_with_ties(5000, 3);
  const auto expected = sorted(logits);
  std::vector<Candidate> candidates;
  all_candidates(logits, candidates);
  Ranking ranking(candidates);
  for (const std::size_t rank : {3u, 255u, 256u, 257u, 2000u, 1u}) EXPECT_EQ(ranking[rank], expected[rank]);
  for (std::size_t rank = 0; rank < ranking.size(); ++rank) ASSERT_EQ(ranking[rank], expected[rank]);
}

TEST(Candidates, RankingGoesOnBehindWhatIsSorted) {
  std::vector<Candidate> candidates = {{5, 0}, {4, 1}, {1, 2}, {1, 0}, {3, 9}};
  Ranking ranking(candidates, 2);
  EXPECT_EQ(ranking[2], Candidate(3, 9));
  EXPECT_EQ(ranking[3], Candidate(1, 0));
  EXPECT_EQ(ranking[4], Candidate(1, 2));
}

TEST(Candidates, NothingToChooseFrom) {
  const std::vector<float> none(40, -kInfinity);
  EXPECT_FALSE(best_candidate(none));
  std::vector<Candidate> found = {{1, 1}};
  best_candidates(none, 10, found);
  EXPECT_TRUE(found.empty());
}

TEST(Candidates, RefusesLogitsThatAreNotNumbers) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
    for (const std::size_t place : {0u, 7u, 99u}) {
      std::vector<float> logits(100, -kInfinity);
      logits[place] = bad;
      try {
        check_logits(logits);
        FAIL() << "accepted " << bad;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kNonFinite);
        EXPECT_NE(std::string(error.what()).find("token " + std::to_string(place)), std::string::npos)
            << error.what();
      }
    }
  }
  EXPECT_THROW(check_logits({}), Error);
}

}  // namespace
}  // namespace garam
