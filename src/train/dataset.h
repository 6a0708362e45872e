// Training text as tokens, cut into samples, and the order in which steps take them.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "garam/tokenizer.h"
#include "train/network.h"

namespace garam::training {

/// Consecutive tokens that are computed together; the label of each is the token behind it.
struct Sample {
  std::size_t begin;
  std::size_t length;
};

struct Dataset {
  std::vector<std::int32_t> tokens;
  std::vector<bool> learned;  // [tokens] is a label
  std::vector<Sample> samples;

  /// Appends a sample's rows to a batch.
  void append(const Sample& sample, Batch& batch) const;
  /// A hash of tokens, labels and samples.
  std::uint64_t hash() const;
};

/// Reads files into a dataset. Plain text is one document each: its tokens with BOS and EOS, cut into windows
/// of `context`. In files whose name ends in .jsonl every line is an object: {"text": ..} is a document,
/// {"prompt": .., "answer": ..} a sample whose labels are those of the answer and its EOS; special tokens are
/// read as such in it. Throws Error: kIo, kFormat naming file and line, kArgument for a prompt that fills the
/// context.
Dataset read_dataset(const Tokenizer& tokenizer, std::span<const std::string> files, std::size_t context,
                     const std::stop_token& stop);

/// Which samples a step trains on. A function of seed and step, so that a run can go on anywhere.
class Order {
 public:
  /// `rows`: tokens of a step at most, and at least one sample.
  Order(const Dataset& dataset, std::size_t rows, bool shuffle, std::uint64_t seed);

  /// Where the next step begins.
  struct Position {
    std::uint64_t epoch = 0;
    std::uint64_t index = 0;
  };
  const Position& position() const { return position_; }
  void go_to(Position position);
  /// The samples of the next step.
  std::vector<Sample> next();

 private:
  void permute();

  const Dataset& dataset_;
  std::size_t rows_;
  bool shuffle_;
  std::uint64_t seed_;
  Position position_;
  std::vector<std::uint32_t> order_;  // of the epoch
};

/// Samples to batches of at most `rows` tokens.
std::vector<Batch> batches_of(const Dataset& dataset, std::span<const Sample> samples, std::size_t rows);

}  // namespace garam::training
