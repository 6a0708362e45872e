// garam-story-data: writes the documents that the story model is trained on, as JSON lines.
// Usage: garam-story-data PATTERNS_FOLDER OUT.jsonl DOCUMENTS SEED [whose|end]
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "samples.h"

namespace {

void write(const std::string& patterns, const std::string& path, unsigned long documents, unsigned long seed,
           story::Course course) {
  const story::Language english(patterns + "/english.txt"), korean(patterns + "/korean.txt");
  std::ofstream out(path);
  story::draw_documents(
      english, korean, documents, seed, course, [&](std::size_t, const story::Document& document) {
        const nlohmann::json line =
            document.prompt.empty() ? nlohmann::json{{"text", document.text}}
                                    : nlohmann::json{{"prompt", document.prompt}, {"answer", document.text}};
        out << line.dump() << '\n';
      });
  if (!out.flush()) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace

int main(int argc, char** argv) try {
  const std::map<std::string_view, story::Course> courses = {
      {"", story::Course::kWhole}, {"whose", story::Course::kWhose}, {"end", story::Course::kEnd}};
  const auto course = courses.find(argc == 6 ? argv[5] : "");
  if (argc < 5 || argc > 6 || course == courses.end()) {
    std::fprintf(stderr, "usage: garam-story-data PATTERNS_FOLDER OUT.jsonl DOCUMENTS SEED [whose|end]\n");
    return 2;
  }
  write(argv[1], argv[2], std::stoul(argv[3]), std::stoul(argv[4]), course->second);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
