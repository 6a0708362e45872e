// Text to ids, one thread, and loading a vocabulary. Needs vocabularies and texts: the folder in
// GARAM_SHARED, or ../shared beside the repository; without it there is nothing to measure.
//
//   tokenizer/<vocabulary>/<text>     bytes per second of text
//   tokenizer/<vocabulary>/load
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "garam/model.h"
#include "machine.h"
#include "text/unicode.h"

namespace garam::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTextBytes = 1 << 20;

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The text again and again up to a megabyte, which is more than the cache of pieces holds of most.
std::string filled(const std::string& part) {
  std::string text;
  while (!part.empty() && text.size() < kTextBytes) text += part;
  return text;
}

std::string random_unicode(const fs::path&) {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < kTextBytes) {
    const std::uint32_t limits[] = {0x80, 0x800, 0x10000, 0x110000};
    const std::uint32_t code = static_cast<std::uint32_t>(random()) % limits[random() % 4];
    if (code < 0xd800 || code >= 0xe000) append_utf8(text, code);
  }
  return text;
}

/// The program's own sources, which are at hand where it is built.
std::string code(const fs::path&) {
  std::string text;
  for (const auto& entry : fs::directory_iterator(fs::path(__FILE__).parent_path())) {
    if (entry.path().extension() == ".cpp") text += read_all(entry.path());
  }
  return filled(text);
}

/// Texts are made when they are measured: whoever measures kernels need not wait for them.
struct Text {
  const char* name;
  std::string (*make)(const fs::path& corpus);
};
constexpr Text kTexts[] = {
    {"english", [](const fs::path& corpus) { return read_all(corpus / "war-and-peace.txt"); }},
    {"korean", [](const fs::path& corpus) { return filled(read_all(corpus / "udhr" / "kor.txt")); }},
    {"chinese", [](const fs::path& corpus) { return filled(read_all(corpus / "udhr" / "cmn_hans.txt")); }},
    {"code", code},
    {"random_unicode", random_unicode},
};

void encode(benchmark::State& state, const fs::path& vocabulary, const std::string& text) {
  if (text.empty()) return state.SkipWithError("no text");
  const Tokenizer tokenizer = load_tokenizer(vocabulary.string());
  std::size_t tokens = 0;
  for (auto _ : state) tokens = tokenizer.encode(text, {.add_special = false}).size();
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.counters["bytes_per_token"] = static_cast<double>(text.size()) / static_cast<double>(tokens);
}

}  // namespace

void add_tokenizer_benchmarks() {
  const char* set = std::getenv("GARAM_SHARED");
  const fs::path shared = set != nullptr
                              ? fs::path(set)
                              : fs::path(__FILE__).parent_path().parent_path().parent_path() / "shared";
  if (!fs::is_directory(shared / "vocabs")) return;
  const fs::path corpus = shared / "corpus";
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "gpt-neox", "llama-spm", "gemma-4", "bert-bge"}) {
    const fs::path vocabulary = shared / "vocabs" / (std::string(name) + ".gguf");
    if (!fs::exists(vocabulary)) continue;
    const std::string prefix = std::string("tokenizer/") + name + "/";
    for (const Text& text : kTexts) {
      const auto run = [vocabulary, corpus, &text](benchmark::State& state) {
        encode(state, vocabulary, text.make(corpus));
      };
      benchmark::RegisterBenchmark((prefix + text.name).c_str(), run)->Unit(benchmark::kMillisecond);
    }
    benchmark::RegisterBenchmark((prefix + "load").c_str(), [vocabulary](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(load_tokenizer(vocabulary.string()));
    })->Unit(benchmark::kMillisecond);
  }
}

}  // namespace garam::bench
