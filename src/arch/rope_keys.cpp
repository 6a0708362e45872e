// Ranges are generous; zero, negative and non-finite values are refused.
#include "arch/rope_keys.h"

#include <cmath>

#include "base/fail.h"
#include "base/printable.h"

namespace garam {

ops::RopeOptions read_rope(const Metadata& metadata, const Config& config, LongFactors long_factors) {
  ops::RopeOptions options;
  options.dims = metadata.integer_or("rope.dimension_count", 2, config.key_dim, config.key_dim);
  if (options.dims % 2 != 0) {
    fail(ErrorCode::kFormat, "{}: key {}: expected an even number, found {}", metadata.file(),
         metadata.name("rope.dimension_count"), options.dims);
  }
  options.base = metadata.real_or("rope.freq_base", 1, 1e12, 10000);
  const std::string type = metadata.string_or("rope.scaling.type", "");
  if (type == "linear" || type == "yarn") {
    options.scale = 1.0 / static_cast<double>(metadata.real("rope.scaling.factor", 1e-6, 1e6));
  } else if (type.empty()) {
    // Before rope.scaling.* there was one key for the linear factor.
    options.scale = 1.0 / static_cast<double>(metadata.real_or("rope.scale_linear", 1e-6, 1e6, 1));
  } else if (type != "none" && !(type == "longrope" && long_factors == LongFactors::kKnown)) {
    fail(ErrorCode::kUnsupported, "{}: key {}: expected none, linear or yarn, found \"{}\"", metadata.file(),
         metadata.name("rope.scaling.type"), printable(type));
  }
  if (type == "yarn") {
    if (options.base <= 1) {
      fail(ErrorCode::kFormat, "{}: key {}: expected more than 1 with yarn scaling, found {}",
           metadata.file(), metadata.name("rope.freq_base"), options.base);
    }
    ops::Yarn yarn;
    yarn.original_context = static_cast<double>(
        metadata.integer_or("rope.scaling.original_context_length", 1, 1 << 30, config.context));
    yarn.beta_fast = metadata.real_or("rope.scaling.yarn_beta_fast", 1e-6, 1e6, 32);
    yarn.beta_slow = metadata.real_or("rope.scaling.yarn_beta_slow", 1e-6, 1e6, 1);
    options.yarn = yarn;
  }
  options.magnitude = metadata.real_or("rope.scaling.attn_factor", 1e-6, 1e6, 1);
  return options;
}

void check_rope_factors(const std::string& file, const std::string& tensor, std::span<const float> factors) {
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (std::isfinite(factors[i]) && factors[i] > 0) continue;
    fail(ErrorCode::kFormat, "{}: tensor {}: expected a positive number at {}, found {}", file, tensor, i,
         factors[i]);
  }
}

}  // namespace garam
