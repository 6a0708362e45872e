// The model in the box: the same stories everywhere, and the abilities that other tests and users rely on.
// How well it does in numbers is garam-story-eval's to say.
#include <garam/garam.h>
#include <gtest/gtest.h>
#include <string>

#include "base/hash.h"
#include "samples.h"
#include "support/refusal.h"

namespace story {
namespace {

constexpr const char* kModel = GARAM_STORY_MODEL;
constexpr const char* kOpenings[] = {"Once upon a time", "옛날 옛적에"};

garam::GenerateResult generate(const garam::Model& model, std::string_view prompt, float temperature,
                               std::uint64_t seed) {
  garam::Session session(model);
  return garam::generate(
      session, prompt, {.max_tokens = 256, .temperature = temperature, .seed = seed, .parse_special = true});
}

TEST(StoryModel, TheSameStoriesOnEveryKernelTableAndCompiler) {
  for (const garam::KernelSet kernels : garam::available_kernel_sets()) {
    for (const unsigned threads : {1u, 3u}) {
      if (garam::test::kSanitized && threads == 1) continue;
      const garam::Model model = garam::Model::load(kModel, {.kernels = kernels, .threads = threads});
      std::uint64_t hash = 0;
      for (const char* opening : kOpenings) {
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
          const std::string text = generate(model, opening, 0.8f, seed).text;
          hash = garam::hash_mix(hash, garam::hash_bytes(text.data(), text.size()));
        }
      }
      EXPECT_EQ(hash, 3491444208726157372u) << garam::to_string(kernels);
    }
  }
}

class StoryModelIn : public testing::TestWithParam<const char*> {
 protected:
  const garam::Model model = garam::Model::load(kModel);
  const Language language{GARAM_STORY_FOLDER "/patterns/" + std::string(GetParam()) + ".txt"};
};

TEST_P(StoryModelIn, StoriesAreOfWhatWasAskedForAndEnd) {
  Random random(21);
  int right = 0;
  for (int i = 0; i < 10; ++i) {
    const Request request = held_out_request(language, random);
    const garam::GenerateResult result = generate(model, request.prompt, 0, 0);
    const auto has = [&](const std::string& word) { return result.text.find(word) != std::string::npos; };
    right += has(request.name) && has(request.animal) && has(request.object) ? 1 : 0;
    EXPECT_EQ(result.reason, garam::StopReason::kEndOfGeneration) << result.text;
  }
  EXPECT_GE(right, 8) << "of 10; the card says how many of 100";
}

TEST_P(StoryModelIn, QuestionsWithoutAnAnswerAreRefused) {
  Random random(22);
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const Examination question = held_out_question(language, random, false);
    refused += generate(model, question.prompt, 0, 0).text == question.answer ? 1 : 0;
  }
  EXPECT_GE(refused, 14) << "of 20; the card says how many of 100";
}

INSTANTIATE_TEST_SUITE_P(Languages, StoryModelIn, testing::Values("english", "korean"),
                         [](const auto& info) { return std::string(info.param); });

TEST(StoryModel, AnswersAboutTheTextAndSaysWhenItDoesNotKnow) {
  const garam::Model model = garam::Model::load(kModel);
  const std::string text = "Mina the fox lives by the river. She likes apples. She has a red kite.\n\n";
  EXPECT_EQ(generate(model, turn(text + "Where does Mina live?"), 0, 0).text, "Mina lives by the river.");
  EXPECT_EQ(generate(model, turn(text + "Where does Felix live?"), 0, 0).text,
            "I do not know. The text does not say.");
  const std::string korean =
      "미나는 여우예요. 강가에 살아요. 미나는 사과를 좋아해요. 미나에게는 빨간 연이 있어요.\n\n";
  EXPECT_EQ(generate(model, turn(korean + "미나는 어디에 살아요?"), 0, 0).text, "미나는 강가에 살아요.");
}

TEST(StoryModel, KnowsWhoIsWho) {
  const garam::Model model = garam::Model::load(kModel);
  const std::string text =
      "Mina the fox lives by the river. She has a red kite. Leo is a bear. He lives near the sea. Leo has a "
      "drum.\n\n";
  EXPECT_EQ(generate(model, turn(text + "Who has a kite?"), 0, 0).text, "Mina has a kite.");
  EXPECT_EQ(generate(model, turn(text + "Who has a drum?"), 0, 0).text, "Leo has a drum.");
  EXPECT_EQ(generate(model, turn(text + "Where does Leo live?"), 0, 0).text, "Leo lives near the sea.");
  EXPECT_EQ(generate(model, turn(text + "What kind of animal is Mina?"), 0, 0).text, "Mina is a fox.");
}

}  // namespace
}  // namespace story
