// What a Session holds.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kv_pages.h"
#include "core/workspace.h"
#include "garam/session.h"
#include "model/model_impl.h"

namespace garam {

struct Session::Impl {
  Impl(Model m, const SessionOptions& o);

  Model model;
  SessionOptions options;  // context resolved
  KvSequence kv;
  std::vector<std::int32_t> tokens;
  std::vector<float> logits;               // [logit_rows][vocab]
  std::vector<float> next_logits;          // of the pass under way; swapped in when it has succeeded
  std::vector<float> scores, next_scores;  // [logit_rows][scores], likewise
  std::size_t logit_rows = 0;
  ops::LinearObserver* observer = nullptr;  // of the passes that this session leads
  Workspace workspace;                      // grows to the largest pass this session led

  void forget_logits() {
    logit_rows = 0;
    logits.clear();
    scores.clear();
  }
};

}  // namespace garam
