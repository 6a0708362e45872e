// The tokenizer of a model, which may still be under construction when the model is already there: the tables
// of 128,000 tokens take a quarter of a second.
#pragma once

#include <future>
#include <string>

#include "text/vocab.h"

namespace garam {

class PendingTokenizer {
 public:
  /// Builds it on this thread. Throws as make_tokenizer() does.
  void build(VocabData data, const std::string& source);
  /// Builds it on a thread of its own, or where none can be had on this one. What goes wrong is for get().
  /// The destructor waits for it.
  void start(VocabData data, const std::string& source);

  /// Null when neither was called. Waits until it is built and throws what building threw. Any number of
  /// threads may call it at once.
  const Tokenizer* get() const;

 private:
  std::shared_future<Tokenizer> tokenizer_;
};

}  // namespace garam
