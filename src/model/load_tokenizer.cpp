// A tokenizer without its model: only the keys of a file are read.
#include "base/fail.h"
#include "garam/model.h"
#include "model/open_model.h"
#include "model/vocab_from_gguf.h"

namespace garam {

Tokenizer load_tokenizer(const std::string& path) {
  const std::unique_ptr<ModelFile> file = open_model(path, ModelParts::kVocabulary);
  auto tokenizer = tokenizer_from_gguf(*file);
  file->check_unchanged();
  if (!tokenizer) fail(ErrorCode::kUnsupported, "{}: the file has no vocabulary", path);
  return *std::move(tokenizer);
}

}  // namespace garam
