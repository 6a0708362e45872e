// Worlds, stories, portraits and questions.
#include "story.h"

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace story {
namespace {

bool has_value(const World& world, const std::string& value) {
  for (const auto& [slot, text] : world) {
    if (text == value) return true;
  }
  return false;
}

std::vector<const Fields*> choices_by(const Section& section, const auto& fits) {
  std::vector<const Fields*> out;
  for (const Fields& fields : section.choices) {
    if (fits(fields)) out.push_back(&fields);
  }
  return out;
}

/// A row whose first field neither world has yet.
std::size_t draw_row(const Section& section, Random& random, const World& world, const World& apart) {
  for (;;) {
    const std::size_t row = random.below(section.choices.size());
    const std::string& word = section.choices[row][0];
    if (!has_value(world, word) && !has_value(apart, word)) return row;
  }
}

void set(World& world, const Section& section, std::size_t row) {
  for (std::size_t i = 0; i < section.slots.size(); ++i) world[section.slots[i]] = section.choices[row][i];
}

/// The same under names of its own: "hero" and "animal" become `first`, all others `first`_slot.
void set_as(World& world, const Section& section, std::size_t row, const std::string& first, bool named) {
  for (std::size_t i = 0; i < section.slots.size(); ++i) {
    world[i == 0 && named ? first : first + "_" + section.slots[i]] = section.choices[row][i];
  }
}

/// A name may stand alone once its bearer has been introduced with the animal it is.
bool introduced(std::string_view pattern, const Facts& facts) {
  if (facts.contains("friend_animal")) return true;
  const Facts slots = Language::slots_of(pattern);
  return slots.contains("friend_animal") || !(slots.contains("friend") || slots.contains("friend_he"));
}

void add(std::string& text, const std::string& sentence) {
  if (!text.empty()) text += ' ';
  text += sentence;
}

/// "Mina ran" as "Mina the fox ran".
std::string with_full_name(const Language& language, const std::string& pattern) {
  if (Language::slots_of(pattern).contains("animal")) return pattern;
  for (const Fields& beginning : language.section("full_names").choices) {
    if (pattern.starts_with(beginning[0])) return beginning[1] + pattern.substr(beginning[0].size());
  }
  return pattern;
}

void tell_beat(const Language& language, Random& random, const World& world, const std::string& beat,
               Manner manner, Story& story) {
  std::vector<const Fields*> fitting = choices_by(
      language.section(beat), [&](const Fields& pattern) { return introduced(pattern[0], story.facts); });
  if (fitting.empty())
    throw std::runtime_error("every pattern of [" + beat + "] speaks of a friend nobody knows");
  story.facts.insert("@" + beat);
  std::string pattern = (*fitting[random.below(fitting.size())])[0];
  // Where none is wanted none is drawn: the first course's documents stay what they are.
  if (manner.full_names > 0 && random.percent(manner.full_names)) pattern = with_full_name(language, pattern);
  add(story.text, language.fill(pattern, world, story.facts));
}

bool told(const Fields& question, const Facts& facts) {
  return facts.contains(question[0]);
}

/// What a question asks of that can be put for something else.
std::vector<std::string> replaceable(const Fields& question) {
  const Facts slots = Language::slots_of(question[1]);
  std::vector<std::string> out;
  for (const char* slot : {"hero", "object", "food", "place"}) {
    if (slots.contains(slot)) out.emplace_back(slot);
  }
  return out;
}

}  // namespace

bool is_held_out(const Cast& cast) {
  return Random((cast.name * 1000 + cast.animal) * 1000 + cast.object).next() >> 60 == 0;
}

World draw_world(const Language& language, Random& random, Casts casts, const World& apart) {
  World world;
  const Section &names = language.section("names"), &animals = language.section("animals"),
                &objects = language.section("objects");
  Cast cast;
  do {
    cast = {draw_row(names, random, world, apart), draw_row(animals, random, world, apart),
            draw_row(objects, random, world, apart)};
  } while (is_held_out(cast) != (casts == Casts::kHeldOut));
  set(world, names, cast.name);
  set(world, animals, cast.animal);
  set(world, objects, cast.object);
  set_as(world, names, draw_row(names, random, world, apart), "friend", true);
  set_as(world, animals, draw_row(animals, random, world, apart), "friend", false);
  set_as(world, animals, draw_row(animals, random, world, apart), "other", false);
  for (const char* section : {"colors", "traits", "places", "spots", "seasons", "times", "feelings", "foods",
                              "wishes", "troubles", "searches"}) {
    const Section& words = language.section(section);
    set(world, words, draw_row(words, random, world, apart));
  }
  return world;
}

Story tell(const Language& language, Random& random, World& world, std::string_view section, Manner manner) {
  const Section& plots = language.section(section);
  const Fields& plot = plots.draw(random);
  world["ask"] = plot[0];
  Story story;
  std::string_view beats = plot[1];
  while (!beats.empty()) {
    const std::size_t end = beats.find(' ');
    std::string beat(beats.substr(0, end));
    beats.remove_prefix(end == std::string_view::npos ? beats.size() : end + 1);
    if (beat.back() == '?') {
      beat.pop_back();
      if (random.percent(100 - manner.optional)) continue;
    }
    if (beat == "search" && story.facts.contains("@search")) {  // somewhere else
      const Section& searches = language.section("searches");
      set(world, searches, draw_row(searches, random, world, {}));
    }
    tell_beat(language, random, world, beat, manner, story);
  }
  return story;
}

Story portray(const Language& language, Random& random, const World& world, std::size_t more) {
  Story story;
  add(story.text, language.fill(language.section("portrait").draw(random)[0], world, story.facts));
  for (; more > 0; --more) {
    const auto news = choices_by(language.section("portrait_more"), [&](const Fields& pattern) {
      Facts slots = Language::slots_of(pattern[0]);
      // "She" could be the friend.
      if (story.facts.contains("friend") && !slots.contains("hero")) return false;
      for (const char* known : {"hero", "he", "his", "him"}) slots.erase(known);
      return !story.facts.contains(*slots.begin());
    });
    if (news.empty()) break;
    add(story.text, language.fill((*news[random.below(news.size())])[0], world, story.facts));
  }
  return story;
}

std::string_view portrait_pattern(const Language& language, Random& random) {
  const auto naming = choices_by(language.section(random.percent(25) ? "portrait" : "portrait_more"),
                                 [](const Fields& p) { return Language::slots_of(p[0]).contains("hero"); });
  return (*naming[random.below(naming.size())])[0];
}

Story tell_pattern(const Language& language, const World& world, std::string_view pattern) {
  Story story;
  story.text = language.fill(pattern, world, story.facts);
  return story;
}

Answered ask(const Language& language, Random& random, std::string_view section, const World& world,
             const Facts& facts) {
  const auto fitting = choices_by(language.section(section), [&](const Fields& q) { return told(q, facts); });
  const Fields& chosen = *fitting[random.below(fitting.size())];
  return {language.fill(chosen[1], world), language.fill(chosen[2], world)};
}

Answered ask_unknown(const Language& language, Random& random, std::string_view section, const World& world,
                     const Facts& facts, const World& other) {
  const Section& questions = language.section(section);
  const std::string unknown = language.section("unknown").choices[0][0];
  // Of what was not told the plain facts are asked for: whether a beat that was not told happened is a
  // riddle.
  const bool untold = random.percent(40);
  const auto fitting = choices_by(questions, [&](const Fields& q) {
    if (!untold) return told(q, facts) && !replaceable(q).empty();
    return !told(q, facts) && q[0][0] != '@' && !Language::slots_of(q[1]).contains("friend");
  });
  if (fitting.empty()) return ask_unknown(language, random, section, world, facts, other);
  const Fields& chosen = *fitting[random.below(fitting.size())];
  if (untold) return {language.fill(chosen[1], world), unknown};
  World mixed = world;
  const std::vector<std::string> slots = replaceable(chosen);
  const std::string& changed = slots[random.below(slots.size())];
  mixed[changed] = other.find(changed)->second;
  return {language.fill(chosen[1], mixed), unknown};
}

std::string as_json(const World& world, const Facts& facts) {
  struct Key {
    const char *name, *slot, *fact;
  };
  constexpr std::array<Key, 9> kKeys{
      {{"name", "hero", "hero"},
       {"animal", "animal", "animal"},
       {"object", "object", "object"},
       {"color", "color", "color"},
       {"place", "place", "place"},
       {"friend", "friend", "friend"},
       {"food", "food", "food"},
       {"season", "season", "season"},
       {"feeling", "feeling", "@end"}}};  // every end tells it, in forms of its own
  // With spaces, as people write a line of JSON.
  std::string text = "{";
  for (const auto& [key, slot, fact] : kKeys) {
    if (!facts.contains(fact)) continue;
    text += (text.size() > 1 ? ", \"" : "\"") + std::string(key) + "\": ";
    text += nlohmann::json(world.find(slot)->second).dump();
  }
  return text + "}";
}

}  // namespace story
