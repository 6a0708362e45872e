// The one exception type of the library.
#pragma once

#include <stdexcept>
#include <string>

namespace garam {

/// What kind of failure an Error reports. Stable: values are never reused.
enum class ErrorCode {
  kIo = 1,           ///< a file cannot be opened, read or written, or changed while it was read
  kFormat = 2,       ///< a file's content is malformed or inconsistent
  kUnsupported = 3,  ///< well-formed, but garam does not implement it (architecture, tokenizer, weight type)
  kArgument = 4,     ///< the caller passed something out of range
  kContextFull = 5,  ///< the tokens do not fit the session's context
  kOutOfMemory = 6,  ///< memory could not be had; nothing changed
  kCancelled = 7,    ///< a stop was requested; the session is at its old length
  kNonFinite = 8,    ///< a row became infinite or NaN; the session is at its old length
};

/// Thrown by loading, construction and misuse. The message names the file or argument, the field, what was
/// expected and what was found, for instance
/// `model.gguf: tensor blk.3.attn_q.weight: expected shape [2048, 2048], found [2048, 1024]`.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  /// The kind of failure.
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace garam
