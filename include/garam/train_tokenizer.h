// Vocabularies learned from text: byte-level byte-pair encoding (Sennrich et al. 2016; over bytes: Radford et
// al. 2019) with GPT-2's pre-tokenizer. Part of the library garam::train.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "garam/model.h"

namespace garam {

/// What decides a vocabulary besides the text, and how it is learned.
struct TrainTokenizerOptions {
  std::size_t vocab_size = 4096;  ///< tokens in all: 256 bytes, merges, special tokens; up to 2^20
  /// Control tokens, the last ids of the vocabulary. The first one ends texts (EOS) and is BOS as well, which
  /// is not added to texts by itself.
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  std::uint64_t min_frequency = 2;   ///< of a pair that is merged
  std::size_t max_token_bytes = 64;  ///< of merged tokens
  std::string chat_template{};       ///< stored as tokenizer.chat_template; empty: none
  unsigned threads = 0;              ///< as LoadOptions::threads, up to 1024; decides no byte
  Progress progress{};               ///< share done
  std::stop_token stop{};            ///< ends with Error(kCancelled); nothing is written then
};

/// What was learned.
struct TrainTokenizerReport {
  std::size_t tokens = 0;  ///< of the vocabulary; fewer than asked where the text has no more pairs
  std::size_t merges = 0;
  std::uint64_t text_bytes = 0;
  std::uint64_t pieces = 0;  ///< of the pre-tokenizer, in all
  std::size_t distinct_pieces = 0;
  std::uint64_t text_tokens = 0;  ///< that the text has with this vocabulary
};

/// Learns a vocabulary from `files` and writes it to `out`, a GGUF file without tensors that Tokenizer,
/// train() and llama.cpp read. Files are UTF-8: plain text, or, where a name ends in .jsonl, JSON lines of
/// {"text"} or of {"prompt", "answer"}.
///
/// Pieces of the pre-tokenizer are counted; then the pair of neighbouring tokens with the highest count
/// becomes a token, again and again, but for pairs that are neither whole characters nor bytes of a single
/// one. Of equal counts the pair with the smaller left id, then the smaller right id comes first. The same
/// bytes come out for any number of threads. Memory: the largest file, and the distinct pieces of all.
///
/// Throws Error: kIo, kFormat for files (empty, not UTF-8, no JSON; with line or byte), kArgument for
/// options, kCancelled. Calls with different `out` may run at once.
TrainTokenizerReport train_tokenizer(std::span<const std::string> files, const std::string& out,
                                     const TrainTokenizerOptions& options = {});

}  // namespace garam
