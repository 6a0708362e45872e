// From a path to a model on the disk: a GGUF file, or a Hugging Face folder.
#pragma once

#include <memory>
#include <string>

#include "io/model_file.h"

namespace garam {

/// What is wanted of a model: a folder without weights still has a vocabulary.
enum class ModelParts { kAll, kVocabulary };

/// Throws Error as GgufFile::open() and HfFolder::open() do.
std::unique_ptr<ModelFile> open_model(const std::string& path, ModelParts parts = ModelParts::kAll);

}  // namespace garam
