// One sequence of tokens being read and written by a model, and several of them in one forward pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "garam/model.h"

namespace garam {

/// Element type of the KV cache. Part of the numeric options: logits depend on it. q8_0 takes 53 % of the
/// memory of f16: bytes with one scale for 32 of them.
enum class KvType { kF16, kF32, kQ8_0 };

/// "f16", "f32" or "q8_0".
std::string_view to_string(KvType type) noexcept;

/// The inverse of to_string. Throws Error(kArgument) that lists the known names.
KvType parse_kv_type(std::string_view name);

/// Options of a Session, fixed for its life.
struct SessionOptions {
  std::size_t context = 0;  ///< most tokens the session can hold; 0 = what the model was trained with
  KvType kv_type = KvType::kF16;
  unsigned threads = 0;     ///< at most this many of the model's workers; 0 = all of them
  std::size_t batch = 512;  ///< rows of a prompt computed at once, 1 to 65536; changes speed, never bits
};

/// Options of one prefill.
struct PrefillOptions {
  bool all_logits = false;  ///< keep the logits of every token, not only of the last
  Progress progress{};      ///< share of the tokens done
  std::stop_token stop{};   ///< ends with Error(kCancelled), the session at its old length
};

/// One sequence: its tokens, its KV pages and the logits of its last step. Movable, not copyable (see fork).
/// Not thread-safe; different sessions of one model may run on different threads at once.
///
/// Every operation that fails throws and leaves the session as it was: Error(kContextFull) when tokens do not
/// fit, kArgument for a token id out of range, kOutOfMemory, kCancelled, kNonFinite.
class Session {
 public:
  /// Throws Error(kArgument) for a context above the largest one garam can address (2^30), kOutOfMemory.
  explicit Session(Model model, const SessionOptions& options = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Appends tokens. Afterwards logits() has those of the last one (or of all, if asked). Empty: no change.
  void prefill(std::span<const std::int32_t> tokens, const PrefillOptions& options = {});
  /// Appends one token and returns the logits after it: vocab floats, valid until the session changes.
  std::span<const float> step(std::int32_t token);

  /// Logits that the last prefill, step or forward computed for this session, [logit_rows][vocab], row
  /// stride = vocab; empty after fork, truncate to a shorter length, or load.
  std::span<const float> logits() const noexcept;
  /// Outputs of the model's classification head (reranker, reward model) after the tokens of logits(),
  /// [logit_rows][model().info().scores]; empty where the model has none. Several are probabilities, their
  /// softmax; a single one is what the head gives, of any size. Valid until the session changes. Source:
  /// heads of llama.cpp's converter (cls.output).
  std::span<const float> scores() const noexcept;
  /// Rows of logits().
  std::size_t logit_rows() const noexcept;

  /// Tokens held, in order.
  std::span<const std::int32_t> tokens() const noexcept;
  /// Number of tokens held.
  std::size_t length() const noexcept { return tokens().size(); }
  /// Most tokens it can hold.
  std::size_t context() const noexcept;
  const Model& model() const noexcept;
  const SessionOptions& options() const noexcept;
  /// Bytes of KV pages this session refers to; pages shared with forks count for each.
  std::size_t kv_bytes() const noexcept;

  /// A second session with the same tokens. Pages are shared until one of the two writes into them.
  Session fork() const;
  /// Forgets all tokens from `length` on. Throws kArgument when length is larger than length(), or when a
  /// sliding window has already dropped pages that the shorter sequence would need (the message says the
  /// smallest length possible).
  void truncate(std::size_t length);

  /// Writes tokens and KV to a file (atomically: a failure leaves an older file alone), with the model's
  /// fingerprint, the options that decide bits, and a checksum.
  void save(const std::string& path) const;
  /// Replaces tokens and KV by those of a file. Throws Error(kFormat) when the file is damaged, of another
  /// model or of other numeric options, kContextFull when it does not fit; the session is then unchanged.
  void load(const std::string& path);

  struct Impl;
  /// For the library's own classes.
  Impl& impl() noexcept { return *impl_; }

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One row of a batch: the next token of a session. Several rows of one session are consecutive positions.
struct Row {
  Session* session = nullptr;
  std::int32_t token = 0;
  bool logits = false;  ///< whether logits after this token are wanted
};

/// One forward pass over the next tokens of several sessions of one model, in any mix of prompts and single
/// steps. Every session gets the same bits as if it had been alone. All or nothing: on an error no session
/// has changed. Sessions must be of one model and one KV type (Error kArgument); uses the workers of the
/// first row's session.
void forward(std::span<const Row> rows, std::stop_token stop = {});

}  // namespace garam
