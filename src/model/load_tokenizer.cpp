// A tokenizer without its model: only the keys of a file are read.
#include "base/fail.h"
#include "garam/model.h"
#include "model/open_model.h"
#include "model/vocab_from_gguf.h"

namespace garam {

namespace {

Tokenizer tokenizer_of(std::unique_ptr<ModelFile> file) {
  auto tokenizer = tokenizer_from_gguf(*file);
  file->check_unchanged();
  if (!tokenizer) fail(ErrorCode::kUnsupported, "{}: the file has no vocabulary", file->path());
  return *std::move(tokenizer);
}

}  // namespace

Tokenizer load_tokenizer(const std::string& path) {
  return tokenizer_of(open_model(path, ModelParts::kVocabulary));
}

Tokenizer load_tokenizer(const ModelBytes& file) {
  return tokenizer_of(open_model(file));
}

}  // namespace garam
