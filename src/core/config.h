// Hyper-parameters that every decoder-only transformer has, read and checked once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/metadata.h"
#include "ops/attention.h"

namespace garam {

struct Config {
  std::size_t context = 0;  // positions the model was trained with
  std::size_t width = 0;    // embedding length
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t key_dim = 0;           // of a head
  std::size_t value_dim = 0;         // of a head
  std::size_t hidden = 0;            // feed-forward length
  std::size_t experts = 0;           // of a layer, 0 = no mixture
  std::size_t experts_used = 0;      // by a token
  std::size_t expert_hidden = 0;     // feed-forward length of an expert
  std::size_t shared_hidden = 0;     // feed-forward length of an expert that all rows meet
  std::size_t vocab = 0;             // rows of the token embedding
  std::int32_t window = 0;           // sliding window of local layers, 0 = none
  std::vector<bool> local;           // [layers] whose keys are those of the window; empty = all are
  std::vector<ops::KvPlace> places;  // [layers] in KV pages; empty unless some layers are local and some not
  std::size_t scores = 0;            // outputs of a classification head, 0 = there is none
  std::vector<std::string> score_labels;  // [scores], or none
  std::size_t max_positions = 0;  // largest context a session may ask for, 0 = no limit of the architecture's

  /// Reads the keys that all architectures share. Throws Error(kFormat) for missing or senseless ones.
  static Config read(const Metadata& metadata, std::size_t vocab);

  /// Of the attention of a layer, 0 = none.
  std::int32_t window_of(std::size_t layer) const { return local.empty() || local[layer] ? window : 0; }
  /// Reads which layers are local: attention.sliding_window_pattern, one boolean a layer, or a period n,
  /// where all but each n-th are (0 = all are). `period` where the file has no such key. Throws
  /// Error(kFormat).
  void read_local_layers(const Metadata& metadata, std::size_t period);
  /// The window of the layers whose KV pages may be dropped behind it, 0 = none.
  std::int32_t kv_window() const;
  /// Refers to `places`.
  ops::KvLayout kv_layout(kernels::KvFormat format) const;

 private:
  void place_layers();
};

}  // namespace garam
