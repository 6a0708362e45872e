// The generator of the story model's documents: the same everywhere, true to its worlds, in right Korean.
#include <gtest/gtest.h>
#include <set>
#include <stdexcept>
#include <string>

#include "base/hash.h"
#include "korean.h"
#include "samples.h"

namespace story {
namespace {

const Language& english() {
  static const Language language(GARAM_STORY_FOLDER "/patterns/english.txt");
  return language;
}
const Language& korean() {
  static const Language language(GARAM_STORY_FOLDER "/patterns/korean.txt");
  return language;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++n;
  return n;
}

TEST(Korean, ParticlesFollowTheLastLetter) {
  EXPECT_EQ(with_particle("여우", "은"), "여우는");
  EXPECT_EQ(with_particle("곰", "은"), "곰은");
  EXPECT_EQ(with_particle("미나", "이"), "미나가");
  EXPECT_EQ(with_particle("민준", "이"), "민준이");
  EXPECT_EQ(with_particle("모자", "을"), "모자를");
  EXPECT_EQ(with_particle("연", "을"), "연을");
  EXPECT_EQ(with_particle("하늘", "과"), "하늘과");
  EXPECT_EQ(with_particle("바다", "과"), "바다와");
  EXPECT_EQ(with_particle("별이", "이에요"), "별이예요");
  EXPECT_EQ(with_particle("힣", "이라는"), "힣이라는") << "the last syllable of all";
  EXPECT_EQ(with_particle("가", "이라는"), "가라는") << "the first one";
  EXPECT_THROW(with_particle("fox", "은"), std::runtime_error);
  EXPECT_THROW(with_particle("", "은"), std::runtime_error);
  EXPECT_THROW(with_particle("여우", "도"), std::runtime_error);
}

TEST(Language, ArticlesAndCapitals) {
  const World world{
      {"object", "umbrella"}, {"animal", "fox"}, {"place", "by the river"}, {"what", "{a:object}"}};
  EXPECT_EQ(english().fill("{Place} {a:animal} saw {a:object}.", world),
            "By the river a fox saw an umbrella.");
  Facts facts;
  EXPECT_EQ(english().fill("{what}", world, facts), "an umbrella");
  EXPECT_EQ(facts, (Facts{"object", "what"}));
  EXPECT_THROW(english().fill("{nothing}", world), std::runtime_error);
  EXPECT_THROW(Language("no such file"), std::runtime_error);
}

/// What ships was trained on these very bytes.
TEST(Documents, AreTheSameEverywhere) {
  std::uint64_t hash = 0;
  for (const Course course : {Course::kWhole, Course::kLast}) {
    draw_documents(english(), korean(), 2000, 1, course, [&](std::size_t, const Document& document) {
      for (const std::string& part : {document.prompt, document.text}) {
        hash = garam::hash_mix(hash, garam::hash_bytes(part.data(), part.size()));
      }
    });
  }
  EXPECT_EQ(hash, 5622632131264305743u);
}

TEST(Documents, LeaveNoSlotOpenAndFitTheContext) {
  std::set<std::string> stories;
  std::size_t without = 0;
  draw_documents(english(), korean(), 20000, 5, Course::kWhole, [&](std::size_t i, const Document& document) {
    const std::string text = document.prompt + document.text;
    EXPECT_EQ(count(text, "{") + count(text, "}"), 2 * count(text, "{\"name\""));
    EXPECT_EQ(count(text, kUser), count(text, kAssistant)) << text;
    EXPECT_EQ(text.find("  "), std::string::npos) << text;
    EXPECT_LT(text.size(), 2000u);
    EXPECT_NE(text.find(document.story), std::string::npos);
    EXPECT_TRUE(document.prompt.empty() || document.prompt.ends_with(kAssistant)) << document.prompt;
    EXPECT_FALSE(document.text.empty()) << document.prompt;
    if (!document.story.empty()) stories.insert(document.story);
    without += document.story.empty() ? 1 : 0;
    EXPECT_EQ(i % 2 == 0 && text.find("\xea") != std::string::npos, false) << "an English document";
  });
  EXPECT_GT(stories.size() + without, 19900u) << "few but portraits of one sentence come twice";
}

/// A fact that can be asked for stands in the text.
TEST(Questions, TheTextHoldsTheAnswers) {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const Language& language = i % 2 == 0 ? english() : korean();
    World world = draw_world(language, random, Casts::kTrained);
    const Story told = tell(language, random, world);
    for (const char* slot : {"hero", "animal", "object", "place", "color", "season", "friend", "food"}) {
      if (!told.facts.contains(slot)) continue;
      EXPECT_NE(told.text.find(world[slot]), std::string::npos) << told.text;
    }
    for (const char* must : {"hero", "animal", "object", "@open", "@end"})
      EXPECT_TRUE(told.facts.contains(must));
    const Answered unknown = ask_unknown(language, random, "questions", world, told.facts,
                                         draw_world(language, random, Casts::kTrained, world));
    EXPECT_EQ(unknown.answer, language.section("unknown").choices[0][0]);
  }
}

TEST(Casts, OneInSixteenIsHeldOut) {
  int held_out = 0;
  for (std::size_t name = 0; name < 40; ++name) {
    for (std::size_t animal = 0; animal < 24; ++animal) {
      for (std::size_t object = 0; object < 40; ++object)
        held_out += is_held_out({name, animal, object}) ? 1 : 0;
    }
  }
  EXPECT_NEAR(held_out, 2400, 200) << "38400 / 16, four standard deviations";
}

TEST(Casts, WhatIsExaminedIsNotTrainedOn) {
  const auto row = [](const char* section, const std::string& word) {
    const auto& choices = english().section(section).choices;
    std::size_t i = 0;
    while (choices[i][0] != word) ++i;
    return i;
  };
  const auto cast = [&](const World& world) {
    return Cast{row("names", world.at("hero")), row("animals", world.at("animal")),
                row("objects", world.at("object"))};
  };
  Random random(3);
  for (int i = 0; i < 300; ++i) {
    EXPECT_FALSE(is_held_out(cast(draw_world(english(), random, Casts::kTrained))));
    const World world = draw_world(english(), random, Casts::kHeldOut);
    EXPECT_TRUE(is_held_out(cast(world)));
    EXPECT_NE(world.at("hero"), world.at("friend"));
    EXPECT_NE(world.at("animal"), world.at("friend_animal"));
  }
}

}  // namespace
}  // namespace story
