// Documents and prompts.
#include "samples.h"

#include <iterator>
#include <set>

namespace story {

std::string turn(std::string_view user) {
  return std::string(kUser).append(user).append(kAssistant);
}

namespace {

/// A word of a text, and the name of whom it is told of.
struct Owned {
  std::string word, name;
};

/// Text with questions about it.
class Passage {
 public:
  /// kAlike: the same fact of two or three, told in the same words.
  enum class Kind { kStory, kTinyStory, kPortraits, kTinyPortrait, kTinyPair, kAlike };

  Passage(const Language& language, Random& random, Casts casts, Kind kind)
      : language_(language), section_(kind <= Kind::kTinyStory ? "questions" : "portrait_questions") {
    World all;  // of everybody, under names of their own
    const std::string_view alike = kind == Kind::kAlike ? portrait_pattern(language, random) : "";
    for (std::size_t n = people(kind, random); n > 0; --n) {
      World world = draw_world(language, random, casts, all);
      Story told = kind == Kind::kStory       ? tell(language, random, world)
                   : kind == Kind::kTinyStory ? tell(language, random, world, "tiny_plots")
                   : kind == Kind::kPortraits ? portray(language, random, world, 2 + random.below(2))
                   : kind == Kind::kAlike     ? tell_pattern(language, world, alike)
                                              : portray(language, random, world, random.below(2));
      text_ += (text_.empty() ? "" : " ") + told.text;
      for (const auto& [slot, value] : world) all[slot + std::to_string(n)] = value;
      about_.push_back({std::move(world), std::move(told.facts)});
    }
    other_ = draw_world(language, random, casts, all);
  }

  const std::string& text() const { return text_; }

  std::vector<Owned> owned() const {
    std::vector<Owned> out;
    for (const Told& told : about_) {
      for (const char* slot : {"animal", "trait", "place", "food", "object", "color", "friend",
                               "friend_animal", "wish", "season"}) {
        if (told.facts.contains(slot)) out.push_back({told.world.at(slot), told.world.at("hero")});
      }
    }
    return out;
  }

  Answered question(Random& random, bool answerable) const {
    const Told& told = about_[random.below(about_.size())];
    return answerable ? ask(language_, random, section_, told.world, told.facts)
                      : ask_unknown(language_, random, section_, told.world, told.facts, other_);
  }

 private:
  struct Told {
    World world;
    Facts facts;
  };
  static std::size_t people(Kind kind, Random& random) {
    if (kind == Kind::kTinyPair) return 2;
    return kind == Kind::kPortraits || kind == Kind::kAlike ? 2 + random.below(2) : 1;
  }

  const Language& language_;
  std::string_view section_;
  std::string text_;
  std::vector<Told> about_;
  World other_;
};

std::string choice(const Language& language, Random& random, std::string_view section,
                   const World& world = {}) {
  return language.fill(language.section(section).draw(random)[0], world);
}

/// Now and then without what ends the sentence, as people type.
std::string typed(std::string text, Random& random) {
  if (random.percent(15) && (text.ends_with('.') || text.ends_with('?'))) text.pop_back();
  return text;
}

void shuffle(auto& all, Random& random) {
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random.below(i)]);
}

std::string with_line_ends(std::string text) {
  for (std::size_t at; (at = text.find("\\n")) != std::string::npos;) text.replace(at, 2, "\n");
  return text;
}

/// A text with a question about it, as a user gives them.
std::string framed(const Language& language, Random& random, const Passage& passage,
                   const std::string& question) {
  const Fields& frame = language.section("frames").draw(random);
  return turn(frame[0] + passage.text() + with_line_ends(frame[1]) + typed(question, random));
}

/// Adds a turn and its answer to a chat; the first turn is the prompt.
void add(Document& chat, const std::string& asked, const std::string& answer) {
  if (chat.prompt.empty()) {
    chat.prompt = asked;
  } else {
    chat.text.append(kEnd) += asked;
  }
  chat.text += answer;
}

/// Of a hundred, how often what is asked for is not in the text, and how many long passages are portraits;
/// and how many questions follow the first.
struct Asking {
  std::size_t unknown, portraits, more;
};

/// Questions about a passage, the first one behind it.
Document questions(const Language& language, Random& random, const Passage& passage, Asking asking) {
  Document out{.prompt = {}, .text = {}, .story = passage.text()};
  std::set<std::string> asked;
  for (std::size_t n = 1 + random.below(asking.more + 1); n > 0; --n) {
    const Answered qa = passage.question(random, !random.percent(asking.unknown));
    if (!asked.insert(qa.question).second) continue;  // its answer would stand right there
    const bool first = out.prompt.empty();
    add(out, first ? framed(language, random, passage, qa.question) : turn(typed(qa.question, random)),
        qa.answer);
  }
  return out;
}

Examination asked_for_json(const Language& language, Random& random, const World& world, const Story& told) {
  return {turn(told.text + "\n\n" + choice(language, random, "ask_json")), as_json(world, told.facts)};
}

/// A text to be put into JSON.
Document json(const Language& language, Random& random, const World& world, const Story& told) {
  Examination task = asked_for_json(language, random, world, told);
  return {std::move(task.prompt), std::move(task.answer), told.text};
}

constexpr const char* kKinds[] = {"names", "animals", "objects", "colors", "traits", "places",
                                  "spots", "seasons", "times",   "foods",  "wishes", "feelings"};

/// Words of all kinds in any order, some twice, to be repeated: whoever can do that copies by looking for
/// what came before, not by knowing which words there are.
Document list(const Language& language, Random& random) {
  const char* between = random.percent(50) ? " " : ", ";
  std::string words;
  for (std::size_t n = 3 + random.below(12); n > 0; --n) {
    const Section& section = language.section(kKinds[random.below(std::size(kKinds))]);
    const Fields& word = section.draw(random);
    words += (words.empty() ? "" : between) + word[random.below(section.slots.size())];
  }
  return {turn(choice(language, random, "repeat") + words), words, ""};
}

/// A name, mostly a word that other names have too, and a word of its own: "Mina red fox", "Leo red hat".
struct Fact {
  std::string name, shared, own;  // shared: a space, then the word; or nothing

  std::string text() const { return name + shared + " " + own; }
};

/// Draws names and words of the other kinds, none twice.
class Words {
 public:
  Words(const Language& language, Random& random) : language_(language), random_(random) {}

  std::string name() { return draw(0, 1); }
  std::string word() { return draw(1, std::size(kKinds) - 1); }

 private:
  std::string draw(std::size_t first, std::size_t count) {
    for (;;) {
      const std::string& word = language_.section(kKinds[first + random_.below(count)]).draw(random_)[0];
      if (used_.insert(word).second) return word;
    }
  }

  const Language& language_;
  Random& random_;
  std::set<std::string> used_;
};

std::vector<Fact> draw_facts(const Language& language, Random& random) {
  Words words(language, random);
  std::vector<std::string> people, shared;
  for (std::size_t n = 2 + random.below(2); n > 0; --n) people.push_back(words.name());
  for (std::size_t n = random.below(4); n > 0; --n) shared.push_back(" " + words.word());
  if (shared.empty()) shared.emplace_back();
  std::vector<Fact> facts;
  for (const std::string& name : people) {
    for (const std::string& word : shared) facts.push_back({name, word, words.word()});
  }
  shuffle(facts, random);
  return facts;
}

/// Questions for what two words of a fact tell and one alone does not: which fact is whose is all there is to
/// learn. `names` of a hundred ask for the name, the others for the last word.
Document triples(const Language& language, Random& random, std::size_t names) {
  std::vector<Fact> facts = draw_facts(language, random);
  std::string text;
  for (const Fact& fact : facts) text += (text.empty() ? "" : " ") + fact.text() + ".";
  shuffle(facts, random);
  facts.resize(1 + random.below(facts.size()));
  Document out;
  for (const Fact& fact : facts) {
    const std::string before = out.prompt.empty() ? text + "\n\n" : "";
    if (random.percent(names)) {
      add(out, turn(before + fact.text().substr(fact.name.size() + 1)), fact.name);
    } else {
      add(out, turn(before + fact.name + fact.shared), fact.own);
    }
  }
  return out;
}

/// A text, and its words in another order, each to be said with whose it is.
Document whose(Random& random, const std::string& text, std::vector<Owned> owned) {
  shuffle(owned, random);
  std::string words, answer;
  for (const Owned& one : owned) {
    words += (words.empty() ? "" : ", ") + one.word;
    answer += (answer.empty() ? "" : ", ") + one.word + " " + one.name;
  }
  return {turn(text + "\n\n" + words), answer, ""};
}

/// Names with up to `most` words each. With one word each the name is what stands before the word, which a
/// model finds out in 200 steps; over the sentences of portraits it did not in 700.
Document owners(const Language& language, Random& random, std::size_t most) {
  Words words(language, random);
  std::string text;
  std::vector<Owned> owned;
  for (std::size_t people = 2 + random.below(most == 1 ? 8 : 4); people > 0; --people) {
    const std::string name = words.name();
    text += (text.empty() ? "" : " ") + name;
    for (std::size_t n = 1 + random.below(most); n > 0; --n) {
      owned.push_back({words.word(), name});
      text += " " + owned.back().word;
    }
    text += ".";
  }
  return whose(random, text, std::move(owned));
}

Document portrait_owners(const Language& language, Random& random) {
  using Kind = Passage::Kind;
  const std::size_t kind = random.below(4);
  const Passage passage(language, random, Casts::kTrained,
                        kind == 0   ? Kind::kAlike
                        : kind == 1 ? Kind::kTinyPair
                                    : Kind::kPortraits);
  Document out = whose(random, passage.text(), passage.owned());
  out.story = passage.text();
  return out;
}

/// Words of a world to be told apart by what they are.
Document word_game(const Language& language, Random& random) {
  const World world = draw_world(language, random, Casts::kTrained);
  std::vector<Fields> words = language.section("words").choices;
  shuffle(words, random);
  words.resize(3 + random.below(words.size() - 2));
  std::string listed;
  for (const Fields& word : words) listed += (listed.empty() ? "" : ", ") + language.fill(word[0], world);
  Document out;
  for (std::size_t n = 1 + random.below(3); n > 0; --n) {
    const Fields& word = words[n - 1];
    const std::string question = language.fill(word[1], world);
    add(out, turn(out.prompt.empty() ? listed + ". " + question : question), language.fill(word[2], world));
  }
  return out;
}

Document draw_short(const Language& language, Random& random, Asking asking) {
  const std::size_t kind = random.below(100);
  if (kind < 12) return word_game(language, random);
  if (kind < 72) {
    using Kind = Passage::Kind;
    const Passage passage(language, random, Casts::kTrained,
                          kind < 34   ? Kind::kAlike
                          : kind < 52 ? Kind::kTinyPair
                          : kind < 60 ? Kind::kTinyPortrait
                                      : Kind::kTinyStory);
    return questions(language, random, passage, asking);
  }
  World world = draw_world(language, random, Casts::kTrained);
  if (kind < 79) return json(language, random, world, portray(language, random, world, 1 + random.below(3)));
  const Story told = tell(language, random, world, "tiny_plots");
  if (kind < 85) return json(language, random, world, told);
  if (kind < 89) return {"", told.text, told.text};
  return {turn(typed(choice(language, random, "requests", world), random)), told.text, told.text};
}

/// Of a hundred passages that are examined; more are trained on, for they are harder than stories.
constexpr std::size_t kPortraits = 35;

/// A long passage as it comes.
Passage draw_passage(const Language& language, Random& random, Casts casts, std::size_t portraits) {
  const bool story = random.percent(100 - portraits);
  return {language, random, casts, story ? Passage::Kind::kStory : Passage::Kind::kPortraits};
}

Document draw_long(const Language& language, Random& random, Asking asking) {
  const std::size_t kind = random.below(100);
  if (kind < 50) {
    const Passage passage = draw_passage(language, random, Casts::kTrained, asking.portraits);
    return questions(language, random, passage, asking);
  }
  World world = draw_world(language, random, Casts::kTrained);
  const Story told = tell(language, random, world);
  if (kind < 63) return {"", told.text, told.text};
  if (kind < 75) return json(language, random, world, told);
  if (kind < 77) {
    const Fields& talk = language.section("talk").draw(random);
    return {turn(talk[0]), talk[1], ""};
  }
  const char* section = kind < 81 ? "free_requests" : "requests";
  std::string chat = told.text;
  if (kind < 79) {
    chat.append(kEnd) += turn(choice(language, random, "ask_json")) + as_json(world, told.facts);
  } else if (kind < 83) {
    const Answered qa = ask(language, random, "questions", world, told.facts);
    chat.append(kEnd) += turn(qa.question) + qa.answer;
  }
  return {turn(typed(choice(language, random, section, world), random)), std::move(chat), told.text};
}

/// Of a hundred documents that are left by the one before: lists, facts, and short ones; the rest are long.
struct Mix {
  std::size_t lists, facts, names, short_ones;  // names: of the facts that are asked for
  std::size_t unknown, portraits;               // as in Asking
};

Document draw_mixed(const Language& language, Random& random, const Mix& mix) {
  if (random.percent(mix.lists)) return list(language, random);
  if (random.percent(mix.facts)) return triples(language, random, mix.names);
  if (random.percent(mix.short_ones)) return draw_short(language, random, {mix.unknown, mix.portraits, 5});
  return draw_long(language, random, {mix.unknown, mix.portraits, 7});
}

/// `done` is how far the course is, of a hundred.
Document draw_whole(const Language& language, Random& random, std::size_t done) {
  const bool apart = done >= 30 && done < 56;  // facts, and nothing else
  const std::size_t lists = done < 10 ? 100 : apart ? 0 : done < 60 ? 10 : 3;
  const std::size_t facts = done < 30 ? 0 : apart ? 100 : done < 85 ? 10 : 4;
  const std::size_t names = done < 38 ? 0 : apart ? 75 : 50;
  const std::size_t short_ones = done < 30 ? 110 - done : done < 86 ? 70 - 2 * (done - 56) : 10;
  const std::size_t unknown = done < 60 ? 0 : done < 85 ? done - 50 : 35;
  return draw_mixed(language, random, {lists, facts, names, short_ones, unknown, 45});
}

/// From words to names, then documents as they come. Words and names stand alone at first: among other
/// documents they were not learned in 1.5 million tokens, alone they are in 0.3. What is forgotten over them
/// comes back.
Document draw_whose(const Language& language, Random& random, std::size_t done) {
  if (done < 30) return owners(language, random, done < 10 ? 1 : 2 + (done - 10) / 5);
  const bool portraits = done < 42;
  if (random.percent(portraits ? 50 : 8)) return portrait_owners(language, random);
  if (random.percent(portraits ? 8 : 2)) return owners(language, random, 5);
  return draw_mixed(language, random, {3, 8, 50, 10, portraits ? 20u : 40u, 50});
}

/// Stories that call the hero by name and animal now and then. Otherwise a name and "the" are how a friend
/// comes in, and then the hero comes to visit the hero: 56 of 182 sampled stories.
Document draw_end(const Language& language, Random& random, std::size_t) {
  if (random.percent(40)) {
    World world = draw_world(language, random, Casts::kTrained);
    const Story told = tell(language, random, world, "plots", {.optional = 85, .full_names = 50});
    const bool asked = random.percent(50);
    return {asked ? turn(typed(choice(language, random, "requests", world), random)) : "", told.text,
            told.text};
  }
  return draw_mixed(language, random, {3, 4, 50, 10, 40, 50});
}

}  // namespace

void draw_documents(const Language& english, const Language& korean, std::size_t count, std::uint64_t seed,
                    Course course, const std::function<void(std::size_t i, const Document&)>& take) {
  Random random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    const auto draw = course == Course::kWhole   ? draw_whole
                      : course == Course::kWhose ? draw_whose
                                                 : draw_end;
    take(i, draw(i % 2 == 0 ? english : korean, random, 100 * i / count));
  }
}

Request held_out_request(const Language& language, Random& random) {
  World world = draw_world(language, random, Casts::kHeldOut);
  tell(language, random, world);  // for {ask}
  return {turn(choice(language, random, "requests", world)), world["hero"], world["animal"], world["object"]};
}

Examination held_out_question(const Language& language, Random& random, bool answerable) {
  const Passage passage = draw_passage(language, random, Casts::kHeldOut, kPortraits);
  const Answered qa = passage.question(random, answerable);
  return {framed(language, random, passage, qa.question), qa.answer};
}

Examination held_out_json(const Language& language, Random& random) {
  World world = draw_world(language, random, Casts::kHeldOut);
  const Story told = tell(language, random, world);
  return asked_for_json(language, random, world, told);
}

}  // namespace story
