// Which type each tensor of a file gets, as llama.cpp's files of the same name have it (src/llama-quant.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/model_file.h"
#include "tensor/weight_format.h"

namespace garam::quant {

/// A name that users ask for.
struct Mix {
  std::string_view name;
  std::uint32_t file_type;  // general.file_type
  const WeightFormat* base;
};

/// All of them.
std::vector<Mix> mixes();
/// By name in any case, or nothing.
std::optional<Mix> find_mix(std::string_view name);

struct MixOptions {
  bool pure = false;
  bool importance = false;  // there is an importance matrix
  const WeightFormat* output = nullptr;
  const WeightFormat* embedding = nullptr;
};

/// The type of each tensor of the file, in its order; null: copied as it is.
std::vector<const WeightFormat*> choose_types(const ModelFile& file, const Mix& mix,
                                              const MixOptions& options);

}  // namespace garam::quant
