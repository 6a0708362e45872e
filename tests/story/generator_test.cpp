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
  for (const Course course : {Course::kWhole, Course::kWhose, Course::kEnd}) {
    draw_documents(english(), korean(), 2000, 1, course, [&](std::size_t, const Document& document) {
      for (const std::string& part : {document.prompt, document.text}) {
        hash = garam::hash_mix(hash, garam::hash_bytes(part.data(), part.size()));
      }
    });
  }
  EXPECT_EQ(hash, 2993795044546662242u);
}

TEST(Documents, LeaveNoSlotOpenAndFitTheContext) {
  for (const Course course : {Course::kWhole, Course::kWhose, Course::kEnd}) {
    std::set<std::string> stories;
    std::size_t without = 0;
    draw_documents(english(), korean(), 20000, 5, course, [&](std::size_t i, const Document& document) {
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
}

/// "Leo red hat. Mina kite.", then "hat, kite, red" is answered "hat Leo, kite Mina, red Leo".
TEST(Documents, WordsAreSaidWithTheNameBeforeThem) {
  std::size_t checked = 0;
  const auto check = [&](const Document& document) {
    const std::size_t end = document.prompt.find("\n\n");
    if (end == std::string::npos || !document.story.empty()) return;
    const std::string text = ". " + document.prompt.substr(kUser.size(), end - kUser.size());
    std::string words = document.prompt.substr(end + 2) + ", ", answer = document.text + ", ";
    words.erase(words.find(kAssistant), kAssistant.size());
    if (!answer.starts_with(words.substr(0, words.find(", ")) + " ")) return;  // a fact was asked for
    while (!words.empty()) {
      const std::string word = words.substr(0, words.find(", "));
      ASSERT_TRUE(answer.starts_with(word + " ")) << document.text;
      const std::string name = answer.substr(word.size() + 1, answer.find(", ") - word.size() - 1);
      const std::size_t told = text.find(". " + name + " ");
      ASSERT_NE(told, std::string::npos) << name << ": " << text;
      const std::string sentence = text.substr(told + 2, text.find('.', told + 2) - told - 2) + " ";
      EXPECT_NE(sentence.find(" " + word + " "), std::string::npos) << word << ": " << text;
      words.erase(0, word.size() + 2);
      answer.erase(0, answer.find(", ") + 2);
      ++checked;
    }
    EXPECT_TRUE(answer.empty()) << answer;
  };
  draw_documents(english(), korean(), 3000, 9, Course::kWhose,
                 [&](std::size_t, const Document& document) { check(document); });
  EXPECT_GT(checked, 3000u);
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

TEST(Stories, CallTheHeroByNameAndAnimalAsOftenAsAsked) {
  for (const Language* language : {&english(), &korean()}) {
    const auto called = [&](std::size_t full_names) {
      Random random(4);
      std::size_t n = 0;
      for (int i = 0; i < 500; ++i) {
        World world = draw_world(*language, random, Casts::kTrained);
        const std::string text = tell(*language, random, world, "plots", {.full_names = full_names}).text;
        n += language == &english() ? count(text, world["hero"] + " the " + world["animal"])
                                    : count(text, world["animal"] + " " + world["hero"]);
        EXPECT_EQ(count(text, " the " + world["animal"] + " the "), 0u) << text;
      }
      return n;
    };
    EXPECT_GT(called(30), called(0) + 150);
    EXPECT_GT(called(100), called(0) + 500);
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
