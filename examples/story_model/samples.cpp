// Documents and prompts.
#include "samples.h"

#include <set>

namespace story {

std::string turn(std::string_view user) {
  return std::string(kUser).append(user).append(kAssistant);
}

namespace {

/// Text with questions about it.
class Passage {
 public:
  enum class Kind { kStory, kTinyStory, kPortraits, kTinyPortrait };

  Passage(const Language& language, Random& random, Casts casts, Kind kind)
      : language_(language), section_(kind <= Kind::kTinyStory ? "questions" : "portrait_questions") {
    World all;  // of everybody, under names of their own
    for (std::size_t n = kind == Kind::kPortraits ? 2 + random.below(2) : 1; n > 0; --n) {
      World world = draw_world(language, random, casts, all);
      Story told = kind == Kind::kStory       ? tell(language, random, world)
                   : kind == Kind::kTinyStory ? tell(language, random, world, "tiny_plots")
                   : kind == Kind::kPortraits ? portray(language, random, world, 2 + random.below(2))
                                              : portray(language, random, world, random.below(2));
      text_ += (text_.empty() ? "" : " ") + told.text;
      for (const auto& [slot, value] : world) all[slot + std::to_string(n)] = value;
      about_.push_back({std::move(world), std::move(told.facts)});
    }
    other_ = draw_world(language, random, casts, all);
  }

  const std::string& text() const { return text_; }

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

/// How often, of a hundred, what is asked for is not in the text, and how many questions follow the first.
struct Asking {
  std::size_t unknown, more;
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

/// Words of a world to be repeated, or to be told apart by what they are: nothing but copying, over few
/// tokens, of every kind of word.
Document word_game(const Language& language, Random& random) {
  const World world = draw_world(language, random, Casts::kTrained);
  std::vector<Fields> words = language.section("words").choices;
  for (std::size_t i = words.size(); i > 1; --i) std::swap(words[i - 1], words[random.below(i)]);
  words.resize(3 + random.below(words.size() - 2));
  std::string list;
  for (const Fields& word : words) list += (list.empty() ? "" : ", ") + language.fill(word[0], world);
  if (random.percent(40)) return {turn(choice(language, random, "repeat") + list), list, ""};
  Document out;
  for (std::size_t n = 1 + random.below(3); n > 0; --n) {
    const Fields& word = words[n - 1];
    const std::string question = language.fill(word[1], world);
    add(out, turn(out.prompt.empty() ? list + ". " + question : question), language.fill(word[2], world));
  }
  return out;
}

Document draw_short(const Language& language, Random& random, Asking asking) {
  const std::size_t kind = random.below(100);
  if (kind < 30) return word_game(language, random);
  if (kind < 68) {
    const Passage passage(language, random, Casts::kTrained,
                          kind < 56 ? Passage::Kind::kTinyPortrait : Passage::Kind::kTinyStory);
    return questions(language, random, passage, asking);
  }
  World world = draw_world(language, random, Casts::kTrained);
  if (kind < 76) return json(language, random, world, portray(language, random, world, 1 + random.below(3)));
  const Story told = tell(language, random, world, "tiny_plots");
  if (kind < 82) return json(language, random, world, told);
  if (kind < 88) return {"", told.text, told.text};
  return {turn(typed(choice(language, random, "requests", world), random)), told.text, told.text};
}

/// A long passage as it comes.
Passage draw_passage(const Language& language, Random& random, Casts casts) {
  return {language, random, casts, random.percent(65) ? Passage::Kind::kStory : Passage::Kind::kPortraits};
}

Document draw_long(const Language& language, Random& random, Asking asking) {
  const std::size_t kind = random.below(100);
  if (kind < 40) return questions(language, random, draw_passage(language, random, Casts::kTrained), asking);
  World world = draw_world(language, random, Casts::kTrained);
  const Story told = tell(language, random, world);
  if (kind < 60) return {"", told.text, told.text};
  if (kind < 72) return json(language, random, world, told);
  if (kind < 74) {
    const Fields& talk = language.section("talk").draw(random);
    return {turn(talk[0]), talk[1], ""};
  }
  const char* section = kind < 78 ? "free_requests" : "requests";
  std::string chat = told.text;
  if (kind < 76) {
    chat.append(kEnd) += turn(choice(language, random, "ask_json")) + as_json(world, told.facts);
  } else if (kind < 80) {
    const Answered qa = ask(language, random, "questions", world, told.facts);
    chat.append(kEnd) += turn(qa.question) + qa.answer;
  }
  return {turn(typed(choice(language, random, section, world), random)), std::move(chat), told.text};
}

}  // namespace

void draw_documents(const Language& english, const Language& korean, std::size_t count, std::uint64_t seed,
                    const std::function<void(std::size_t i, const Document&)>& take) {
  Random random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t done = 100 * i / count;
    const std::size_t short_ones = done < 50 ? 100 - 9 * done / 5 : 10;
    const std::size_t unknown = done < 20 ? 0 : done < 55 ? done - 20 : 35;
    const Language& language = i % 2 == 0 ? english : korean;
    take(i, random.percent(short_ones) ? draw_short(language, random, {unknown, 3})
                                       : draw_long(language, random, {unknown, 5}));
  }
}

Request held_out_request(const Language& language, Random& random) {
  World world = draw_world(language, random, Casts::kHeldOut);
  tell(language, random, world);  // for {ask}
  return {turn(choice(language, random, "requests", world)), world["hero"], world["animal"], world["object"]};
}

Examination held_out_question(const Language& language, Random& random, bool answerable) {
  const Passage passage = draw_passage(language, random, Casts::kHeldOut);
  const Answered qa = passage.question(random, answerable);
  return {framed(language, random, passage, qa.question), qa.answer};
}

Examination held_out_json(const Language& language, Random& random) {
  World world = draw_world(language, random, Casts::kHeldOut);
  const Story told = tell(language, random, world);
  return asked_for_json(language, random, world, told);
}

}  // namespace story
