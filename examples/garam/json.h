// Everything the program says and reads in JSON. Only json.cpp includes nlohmann-json, which takes seconds to
// compile.
#pragma once

#include <garam/garam.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// One test of garam bench.
struct BenchResult {
  std::string test;
  double mean = 0;       // tokens a second
  double deviation = 0;  // of the repetitions
};

/// What garam bench found.
struct BenchReport {
  std::string model;
  std::uint64_t size_bytes = 0;
  unsigned threads = 0;
  std::string kernels;
  double load_seconds = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::vector<BenchResult> results;
};

/// One object over several lines.
std::string to_json(const BenchReport& report);
/// Predicted memory of the KV cache: `bytes` for `context` positions.
struct KvMemory {
  std::string type;
  std::uint64_t bytes_per_page = 0;
  std::size_t context = 0;
  std::uint64_t bytes = 0;
};

/// The same.
std::string to_json(const garam::ModelInfo& info, const KvMemory& kv);
/// The same. What has no number (an error of one token) is null.
std::string to_json(const garam::Perplexity& result, const garam::PerplexityOptions& options);
/// One object on one line: the chosen token, and the most likely ones under "top".
std::string to_json(const garam::Tokenizer& tokenizer, const garam::GeneratedLogprob& generated);
/// {"ids": [...]} on one line.
std::string to_json(const std::vector<std::int32_t>& ids);

/// A line of `garam tokenize --jsonl`.
struct EncodeRequest {
  std::string text;
  garam::EncodeOptions options;
};
/// Reads {"text", "add_special", "parse_special"}; what is missing but the text is taken from `defaults`.
/// Throws std::runtime_error.
EncodeRequest parse_encode_request(std::string_view line, const garam::EncodeOptions& defaults);

}  // namespace cli
