// A folder is Hugging Face's, anything else is taken for GGUF, which says so where it is not.
#include "model/open_model.h"

#include "base/fail.h"
#include "base/file.h"
#include "base/float_env.h"
#include "hf/folder.h"
#include "io/gguf.h"

namespace garam {

std::unique_ptr<ModelFile> open_model(const std::string& path, ModelParts parts) {
  const FloatEnvironment environment;  // a folder's keys are computed from its config.json
  for (const char* part : {".safetensors", ".json"}) {
    if (!path.ends_with(part) || is_folder(path)) continue;
    fail(ErrorCode::kUnsupported,
         "{}: expected a GGUF file or a folder, found a file of such a folder; name the folder", path);
  }
  if (is_folder(path)) return HfFolder::open(path, parts == ModelParts::kAll);
  return std::make_unique<GgufFile>(GgufFile::open(path));
}

std::unique_ptr<ModelFile> open_model(const ModelBytes& file) {
  return std::make_unique<GgufFile>(GgufFile::open(ReadFile::of_memory(file.name, file.bytes)));
}

}  // namespace garam
