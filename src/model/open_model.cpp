// A folder is Hugging Face's, anything else is taken for GGUF, which says so where it is not.
#include "model/open_model.h"

#include "base/file.h"
#include "hf/folder.h"
#include "io/gguf.h"

namespace garam {

std::unique_ptr<ModelFile> open_model(const std::string& path, ModelParts parts) {
  if (is_folder(path)) return HfFolder::open(path, parts == ModelParts::kAll);
  return std::make_unique<GgufFile>(GgufFile::open(path));
}

}  // namespace garam
