// From a path to a model on the disk, a GGUF file or a Hugging Face folder, or from such a file in memory.
#pragma once

#include <memory>
#include <string>

#include "garam/model.h"
#include "io/model_file.h"

namespace garam {

/// What is wanted of a model: a folder without weights still has a vocabulary.
enum class ModelParts { kAll, kVocabulary };

/// Throws Error as GgufFile::open() and HfFolder::open() do.
std::unique_ptr<ModelFile> open_model(const std::string& path, ModelParts parts = ModelParts::kAll);
/// Throws Error as GgufFile::open(), and kUnsupported for a part of a split file.
std::unique_ptr<ModelFile> open_model(const ModelBytes& file);

}  // namespace garam
