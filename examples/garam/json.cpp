// Text from a file or a model need not be UTF-8: what is not comes out as U+FFFD instead of as an exception.
#include "json.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

std::string on_one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string on_lines(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

Json entry(const garam::Tokenizer& tokenizer, const garam::TokenLogprob& t) {
  return {{"id", t.token}, {"text", tokenizer.piece(t.token)}, {"logprob", t.logprob}};
}

Json estimate(const garam::Estimate& e) {
  return {{"value", e.value}, {"error", e.error}};
}

Json comparison(const garam::KlDivergence& kl) {
  return {{"mean", estimate(kl.mean)},
          {"median", kl.median},
          {"p90", kl.percentile_90},
          {"p95", kl.percentile_95},
          {"p99", kl.percentile_99},
          {"p99_9", kl.percentile_99_9},
          {"max", kl.maximum},
          {"same_top", estimate(kl.same_top)},
          {"probability_change", estimate(kl.probability_change)},
          {"probability_change_rms", estimate(kl.probability_change_rms)},
          {"base_perplexity", estimate(kl.base_perplexity)},
          {"perplexity_ratio", estimate(kl.perplexity_ratio)}};
}

}  // namespace

std::string to_json(const BenchReport& report) {
  Json results = Json::array();
  for (const BenchResult& r : report.results) {
    results.push_back({{"test", r.test}, {"tokens_per_second", r.mean}, {"stddev", r.deviation}});
  }
  return on_lines({{"model", report.model},
                   {"size_bytes", report.size_bytes},
                   {"threads", report.threads},
                   {"kernels", report.kernels},
                   {"load_seconds", report.load_seconds},
                   {"peak_rss_bytes", report.peak_rss_bytes},
                   {"results", results}});
}

std::string to_json(const garam::ModelInfo& info, const KvMemory& kv) {
  Json keys = Json::object(), tensors = Json::array();
  for (const auto& [key, value] : info.keys) keys[key] = value;
  for (const garam::TensorInfo& t : info.tensors) {
    tensors.push_back({{"name", t.name}, {"type", t.type}, {"shape", t.shape}, {"bytes", t.bytes}});
  }
  return on_lines({{"architecture", info.architecture},
                   {"name", info.name},
                   {"file_bytes", info.file_bytes},
                   {"parameters", info.parameters},
                   {"context", info.context},
                   {"vocab", info.vocab},
                   {"width", info.width},
                   {"layers", info.layers},
                   {"heads", info.heads},
                   {"kv_heads", info.kv_heads},
                   {"head_dim", info.head_dim},
                   {"hidden", info.hidden},
                   {"window", info.window},
                   {"window_layers", info.window_layers},
                   {"memory",
                    {{"weights", info.weight_bytes},
                     {"kv_type", kv.type},
                     {"kv_per_page", kv.bytes_per_page},
                     {"kv_context", kv.context},
                     {"kv", kv.bytes}}},
                   {"keys", keys},
                   {"tensors", tensors}});
}

std::string to_json(const garam::Perplexity& result, const garam::PerplexityOptions& options) {
  Json json = {{"tokens", result.tokens},
               {"chunk", options.chunk},
               {"stride", options.stride},
               {"chunks", result.chunks},
               {"scored", result.scored},
               {"nll", estimate(result.nll)},
               {"perplexity", estimate(result.perplexity)}};
  if (result.kl) json["kl"] = comparison(*result.kl);
  return on_lines(json);
}

std::string to_json(const garam::Tokenizer& tokenizer, const garam::GeneratedLogprob& generated) {
  Json line = entry(tokenizer, generated.chosen);
  line["top"] = Json::array();
  for (const garam::TokenLogprob& alternative : generated.top) {
    line["top"].push_back(entry(tokenizer, alternative));
  }
  return on_one_line(line);
}

std::string to_json(const std::vector<std::int32_t>& ids) {
  return on_one_line({{"ids", ids}});
}

EncodeRequest parse_encode_request(std::string_view line, const garam::EncodeOptions& defaults) try {
  const Json request = Json::parse(line);
  return {request.at("text").get<std::string>(),
          {.add_special = request.value("add_special", defaults.add_special),
           .parse_special = request.value("parse_special", defaults.parse_special)}};
} catch (const Json::exception& error) {
  throw std::runtime_error(error.what());
}

}  // namespace cli
