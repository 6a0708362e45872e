// The rows of the table, in the order of kernels::Format.
#include "tensor/weight_format.h"

namespace garam {
namespace {

constexpr const WeightFormat* kFormats[] = {&kFormatF32,  &kFormatF16,   &kFormatBf16,  &kFormatQ8_0,
                                            &kFormatQ4_0, &kFormatQ4_1,  &kFormatQ5_0,  &kFormatQ5_1,
                                            &kFormatQ2_K, &kFormatQ3_K,  &kFormatQ4_K,  &kFormatQ5_K,
                                            &kFormatQ6_K, &kFormatIq4Nl, &kFormatIq4Xs, &kFormatMxfp4};

}  // namespace

std::span<const WeightFormat* const> weight_formats() {
  return kFormats;
}

const WeightFormat* find_weight_format(std::uint32_t ggml_id) {
  for (const WeightFormat* format : kFormats) {
    if (format->ggml_id == ggml_id) return format;
  }
  return nullptr;
}

const WeightFormat* find_weight_format(std::string_view name) {
  for (const WeightFormat* format : kFormats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

}  // namespace garam
