// Random adapters of tiny models as GGUF files, and what they add to the reference's weights, in double.
#pragma once

#include <cstdint>
#include <string>

#include "support/reference_file.h"
#include "support/tiny_model.h"

namespace garam::test {

struct TinyAdapterOptions {
  std::size_t rank = 4;
  float alpha = 2;              // more makes attention so sharp that roundings show far more than in the base
  std::string weights = "f32";  // of both halves
  std::string only{};           // matrices whose name has this in it; empty: all
  std::uint64_t seed = 1;
};

/// A pair for every matrix of the model that is multiplied with, strong enough to change all logits.
TinyModel make_adapter(const TinyModel& base, const TinyAdapterOptions& options = {});

/// Adds scale * alpha / rank * B A, scale alone where alpha is 0 or absent.
void add_adapter(ReferenceFile& base, const ReferenceFile& adapter, double scale = 1);

}  // namespace garam::test
