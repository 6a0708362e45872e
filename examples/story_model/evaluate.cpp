// garam-story-eval: what the story model can do, in both languages, against what is asked of it. The
// examination is drawn by the generator from casts that are never trained on. Usage: garam-story-eval MODEL
// PATTERNS_FOLDER and DOCUMENTS SEED of each course (whole, whose, end), as garam-story-data was given them.
#include <garam/garam.h>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "nearest.h"
#include "samples.h"

namespace {

constexpr std::size_t kCases = 100;
constexpr std::size_t kQuestions = 500;  // a hundred would be off by four, and that is what models differ by

struct Limits {  // of a hundred
  std::size_t requested, ended, answered, refused;
};
struct Subject {
  const char* name;
  const char* patterns;
  const char* opening;  // of stories that nobody asked for
  Limits limits;
};
constexpr Subject kSubjects[] = {
    {"English", "/english.txt", "Once upon a time", {90, 95, 80, 70}},
    {"Korean", "/korean.txt", "\uc61b\ub0a0 \uc61b\uc801\uc5d0", {80, 90, 70, 60}},
};

class Examiner {
 public:
  Examiner(const garam::Model& model, const Subject& subject, const story::Language& language)
      : model_(model), subject_(subject), language_(language) {}

  void examine(story::Library& trained) {
    stories();
    questions(true, "answered with the right sentence", subject_.limits.answered);
    questions(false, "unanswerable and refused", subject_.limits.refused);
    json();
    freedom(trained);
  }
  bool passed() const { return passed_; }

 private:
  garam::GenerateResult generate(std::string_view prompt, float temperature, std::uint64_t seed) {
    garam::Session session(model_);
    return garam::generate(
        session, prompt,
        {.max_tokens = 256, .temperature = temperature, .seed = seed, .parse_special = true});
  }

  void report(const char* what, std::size_t good, std::size_t at_least, std::size_t cases = kCases) {
    const std::size_t asked = at_least * cases / 100;
    passed_ = passed_ && good >= asked;
    std::printf("%-8s %-52s %3zu of %zu, asked %3zu%s\n", subject_.name, what, good, cases, asked,
                good >= asked ? "" : "  MISSED");
    std::fflush(stdout);
  }

  void stories() {
    story::Random random(11);
    std::size_t requested = 0, ended = 0;
    for (std::size_t i = 1; i <= kCases; ++i) {
      const story::Request request = story::held_out_request(language_, random);
      const auto result = generate(request.prompt, 0.8f, i);
      const auto has = [&](const std::string& word) { return result.text.find(word) != std::string::npos; };
      requested += has(request.name) && has(request.animal) && has(request.object) ? 1 : 0;
      ended += result.reason == garam::StopReason::kEndOfGeneration ? 1 : 0;
    }
    report("stories with the name, animal and object asked for", requested, subject_.limits.requested);
    report("stories that end by themselves", ended, subject_.limits.ended);
  }

  void questions(bool answerable, const char* what, std::size_t at_least) {
    story::Random random(answerable ? 12 : 13);
    std::size_t right = 0;
    for (std::size_t i = 0; i < kQuestions; ++i) {
      const story::Examination question = story::held_out_question(language_, random, answerable);
      const std::string answer = generate(question.prompt, 0, 0).text;
      right += answer == question.answer ? 1 : 0;
    }
    report(what, right, at_least, kQuestions);
  }

  /// The object that the generator itself would write of the story.
  void json() {
    story::Random random(14);
    std::size_t right = 0;
    for (std::size_t i = 0; i < kCases; ++i) {
      const story::Examination task = story::held_out_json(language_, random);
      right += generate(task.prompt, 0, 0).text == task.answer ? 1 : 0;
    }
    report("JSON objects right in every value", right, 0);
  }

  void freedom(story::Library& trained) {
    std::size_t varied = 0, own = 0;
    for (std::size_t i = 1; i <= kCases; ++i) {
      const std::string story = subject_.opening + generate(subject_.opening, 0.8f, i).text;
      varied += most_repeated_sentence(story) <= 2 ? 1 : 0;
      own += trained.closest(story) <= 0.7 ? 1 : 0;
    }
    report("sampled stories with no sentence more than twice", varied, 95);
    report("sampled stories 30 % apart from any trained on", own, 95);
  }

  static int most_repeated_sentence(std::string_view text) {
    std::map<std::string_view, int> counts;
    int most = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find_first_of(".!?"), text.size());
      most = std::max(most, ++counts[text.substr(0, end)]);
      text.remove_prefix(std::min(end + 2, text.size()));
    }
    return most;
  }

  const garam::Model& model_;
  const Subject& subject_;
  const story::Language& language_;
  bool passed_ = true;
};

struct Training {
  story::Course course;
  unsigned long documents, seed;
};

bool examine(const garam::Model& model, const std::string& folder, const std::vector<Training>& trainings) {
  const story::Language languages[] = {story::Language(folder + kSubjects[0].patterns),
                                       story::Language(folder + kSubjects[1].patterns)};
  story::Library libraries[2];
  for (const Training& t : trainings) {
    story::draw_documents(
        languages[0], languages[1], t.documents, t.seed, t.course,
        [&](std::size_t i, const story::Document& document) { libraries[i % 2].add(document.story); });
  }
  bool passed = true;
  for (std::size_t i = 0; i < std::size(kSubjects); ++i) {
    Examiner examiner(model, kSubjects[i], languages[i]);
    examiner.examine(libraries[i]);
    passed = passed && examiner.passed();
  }
  return passed;
}

}  // namespace

int main(int argc, char** argv) try {
  constexpr story::Course kCourses[] = {story::Course::kWhole, story::Course::kWhose, story::Course::kEnd};
  if (argc != 3 + 2 * static_cast<int>(std::size(kCourses))) {
    std::fprintf(
        stderr,
        "usage: garam-story-eval MODEL PATTERNS_FOLDER DOCUMENTS SEED DOCUMENTS SEED DOCUMENTS SEED\n");
    return 2;
  }
  std::vector<Training> trainings;
  for (std::size_t i = 0; i < std::size(kCourses); ++i) {
    trainings.push_back({kCourses[i], std::stoul(argv[3 + 2 * i]), std::stoul(argv[4 + 2 * i])});
  }
  return examine(garam::Model::load(argv[1]), argv[2], trainings) ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
