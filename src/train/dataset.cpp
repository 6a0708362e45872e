// From files to samples to batches.
#include "train/dataset.h"

#include <algorithm>
#include <numeric>

#include "base/fail.h"
#include "base/hash.h"
#include "sample/philox.h"
#include "train/text_file.h"

namespace garam::training {
namespace {

constexpr std::uint32_t kOrderStream = 0x6f726465;  // of its own, apart from those of samplers and weights
constexpr std::size_t kMostTokens = std::size_t{1} << 31;

class Reader {
 public:
  Reader(const Tokenizer& tokenizer, std::size_t context, const std::stop_token& stop, Dataset& to)
      : tokenizer_(tokenizer), context_(context), stop_(stop), to_(to) {}

  void read(const std::string& path) {
    const std::string text = read_text(path);
    const std::size_t before = to_.samples.size();
    if (has_json_lines(path)) {
      each_json_line(path, text, stop_,
                     [this](const std::string& where, JsonValue object) { read_line(where, object); });
    } else {
      document(text);
    }
    if (to_.samples.size() == before)
      fail(ErrorCode::kFormat, "{}: expected two tokens or more to learn from", path);
  }

 private:
  void read_line(const std::string& where, JsonValue root) {
    if (const auto text = root.find("text")) {
      const std::size_t begin = begin_document();
      append(tokenizer_.encode(text->string(), {.add_special = false, .parse_special = true}));
      end_document(begin);
      return;
    }
    if (!root.find("prompt") || !root.find("answer")) {
      root.refuse("an object with \"text\", or with \"prompt\" and \"answer\"");
    }
    pair(where, root.at("prompt").string(), root.at("answer").string());
  }

  void pair(const std::string& where, std::string_view prompt, std::string_view answer) {
    const std::size_t begin = begin_document();
    append(tokenizer_.encode(prompt, {.add_special = false, .parse_special = true}));
    std::fill(to_.learned.begin() + static_cast<std::ptrdiff_t>(begin), to_.learned.end(), false);
    const std::size_t answer_begin = to_.tokens.size();
    append(tokenizer_.encode(answer, {.add_special = false, .parse_special = true}));
    if (const auto eos = tokenizer_.eos()) append({*eos});
    const std::size_t rows = std::min(to_.tokens.size() - begin - 1, context_);
    // A first token has nothing before it to be predicted from.
    to_.learned[begin] = false;
    if (begin + rows < std::max(answer_begin, begin + 1)) {
      fail(ErrorCode::kArgument,
           "{}: the prompt has {} tokens, which leaves none for the answer in a context of {}: shorten it, "
           "or set "
           "\"context\"",
           where, answer_begin - begin, context_);
    }
    if (rows > 0) to_.samples.push_back({begin, rows});
  }

  void document(std::string_view text) {
    const std::size_t begin = begin_document();
    while (!text.empty()) {
      check_stop(stop_);
      const std::size_t size = block_of(text);
      append(tokenizer_.encode(text.substr(0, size), {.add_special = false}));
      text.remove_prefix(size);
    }
    end_document(begin);
  }

  std::size_t begin_document() {
    const std::size_t begin = to_.tokens.size();
    if (tokenizer_.add_bos() && tokenizer_.bos()) append({*tokenizer_.bos()});
    return begin;
  }

  void end_document(std::size_t begin) {
    if (const auto eos = tokenizer_.eos()) append({*eos});
    // Every token but the last has one behind it.
    for (std::size_t at = begin; at + 1 < to_.tokens.size(); at += context_) {
      to_.samples.push_back({at, std::min(context_, to_.tokens.size() - 1 - at)});
    }
  }

  void append(const std::vector<std::int32_t>& ids) {
    if (to_.tokens.size() + ids.size() > kMostTokens) {
      fail(ErrorCode::kArgument, "data: expected at most {} tokens", kMostTokens);
    }
    to_.tokens.insert(to_.tokens.end(), ids.begin(), ids.end());
    to_.learned.resize(to_.tokens.size(), true);
  }

  const Tokenizer& tokenizer_;
  std::size_t context_;
  const std::stop_token& stop_;
  Dataset& to_;
};

}  // namespace

void Dataset::append(const Sample& sample, Batch& batch) const {
  batch.segments.push_back({batch.rows(), sample.length});
  for (std::size_t i = sample.begin; i < sample.begin + sample.length; ++i) {
    batch.tokens.push_back(tokens[i]);
    batch.labels.push_back(learned[i + 1] ? tokens[i + 1] : kNoLabel);
  }
}

std::uint64_t Dataset::hash() const {
  std::uint64_t hash = hash_bytes(tokens.data(), tokens.size() * sizeof tokens[0]);
  for (std::size_t i = 0; i < learned.size(); ++i) {
    if (!learned[i]) hash = hash_mix(hash, i);
  }
  for (const Sample& sample : samples) hash = hash_mix(hash, hash_mix(sample.begin, sample.length));
  return hash;
}

Dataset read_dataset(const Tokenizer& tokenizer, std::span<const std::string> files, std::size_t context,
                     const std::stop_token& stop) {
  Dataset dataset;
  Reader reader(tokenizer, context, stop, dataset);
  for (const std::string& file : files) reader.read(file);
  return dataset;
}

Order::Order(const Dataset& dataset, std::size_t rows, bool shuffle, std::uint64_t seed)
    : dataset_(dataset), rows_(rows), shuffle_(shuffle), seed_(seed), order_(dataset.samples.size()) {
  permute();
}

void Order::go_to(Position position) {
  position_ = position;
  permute();
}

void Order::permute() {
  std::iota(order_.begin(), order_.end(), 0u);
  if (!shuffle_) return;
  // Fisher and Yates, each draw the upper 32 bits of bits * n: its bias is below n / 2^32.
  for (std::size_t i = order_.size(); i > 1; --i) {
    const std::uint64_t bits =
        random_bits(seed_, position_.epoch, kOrderStream, static_cast<std::uint32_t>(i)) >> 32;
    std::swap(order_[i - 1], order_[bits * i >> 32]);
  }
}

std::vector<Sample> Order::next() {
  std::vector<Sample> samples;
  std::size_t rows = 0;
  for (;;) {
    if (position_.index == order_.size()) go_to({position_.epoch + 1, 0});
    const Sample& sample = dataset_.samples[order_[position_.index]];
    if (rows > 0 && rows + sample.length > rows_) return samples;
    samples.push_back(sample);
    rows += sample.length;
    ++position_.index;
  }
}

std::vector<Batch> batches_of(const Dataset& dataset, std::span<const Sample> samples, std::size_t rows) {
  std::vector<Batch> batches;
  for (const Sample& sample : samples) {
    if (batches.empty() || batches.back().rows() + sample.length > rows) batches.emplace_back();
    dataset.append(sample, batches.back());
  }
  return batches;
}

}  // namespace garam::training
