// What the tests of hostile models share: good models to spoil, and what has to come of a spoilt one.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/harness.h"
#include "support/refusal.h"

namespace garam::test {

using Change = std::function<void(TinyModel&)>;

inline TinyModel good(const char* architecture = "llama") {
  return TinyModel::make({.architecture = architecture, .layers = 2});
}

inline TinyModel good_with(TinyVocabulary vocabulary) {
  return TinyModel::make({.layers = 1, .vocabulary = vocabulary});
}

/// The array of a key, to be changed.
template <typename T>
std::vector<T>& array(TinyModel& tiny, const std::string& key) {
  for (auto& [name, value] : tiny.keys) {
    if (name == key) return std::get<std::vector<T>>(std::get<GgufArray>(value));
  }
  throw std::invalid_argument(key);
}

/// Computes three tokens and generates three more, with text where there is a vocabulary. The logits are
/// finite, or the session says that they are not.
inline testing::AssertionResult runs(const Model& model) {
  try {
    Session session(model);
    const auto last = static_cast<std::int32_t>(model.info().vocab - 1);
    const std::vector<std::int32_t> tokens = {0, last, last / 2};
    session.prefill(std::span(tokens).first(std::min<std::size_t>(session.context(), 3)));
    for (int i = 0; i < 3 && session.length() < session.context(); ++i) session.step(last / (i + 1));
    for (const float logit : session.logits()) {
      if (!std::isfinite(logit)) return testing::AssertionFailure() << "logit " << logit;
    }
  } catch (const Error& error) {
    // Weights may be finite and their products not.
    if (error.code() != ErrorCode::kNonFinite) return testing::AssertionFailure() << error.what();
  }
  return testing::AssertionSuccess();
}

/// What is wrong with a refusal, nothing when it is one that helps.
inline testing::AssertionResult is_refusal(const Error& error, std::string_view file,
                                           std::initializer_list<std::string_view> parts = {}) {
  if (error.code() != ErrorCode::kFormat && error.code() != ErrorCode::kUnsupported) {
    return testing::AssertionFailure() << "code " << static_cast<int>(error.code()) << ": " << error.what();
  }
  return helps(error.what(), file, parts);
}

/// Loading throws an Error about the file's content whose message has the file and all `parts`.
inline testing::AssertionResult refused(const TinyModel& tiny,
                                        std::initializer_list<std::string_view> parts) {
  const TinyFile file(tiny);
  const MemoryCeiling ceiling(256 << 20);
  try {
    Model::load(file.path(), {.threads = 1});
  } catch (const Error& error) {
    return is_refusal(error, file.path(), parts);
  }
  return testing::AssertionFailure() << "was accepted";
}

/// Loads, and computes finite logits.
inline testing::AssertionResult works(const TinyModel& tiny) {
  try {
    const Model model = load_tiny(tiny, KernelSet::kAuto, 1);
    for (const float logit : all_logits(model, std::vector<std::int32_t>{1, 2, 3})) {
      if (!std::isfinite(logit)) return testing::AssertionFailure() << "logit " << logit;
    }
  } catch (const Error& error) {
    return testing::AssertionFailure() << "refused: " << error.what();
  }
  return testing::AssertionSuccess();
}

}  // namespace garam::test
