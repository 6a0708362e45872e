// The base of tests that run once per kernel table: skipped, with the reason, where the CPU cannot.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/kernel_tables.h"

namespace garam::test {

class EachVariant : public testing::TestWithParam<const KernelVariant*> {
 protected:
  void SetUp() override {
    if (GetParam()->missing != nullptr) GTEST_SKIP() << GetParam()->missing;
  }
  const kernels::Table& table() const { return GetParam()->table; }
};

inline auto all_variants() {
  std::vector<const KernelVariant*> all;
  for (const KernelVariant& variant : kernel_variants()) all.push_back(&variant);
  return testing::ValuesIn(all);
}

inline std::string variant_name(const testing::TestParamInfo<const KernelVariant*>& info) {
  return info.param->name;
}

}  // namespace garam::test
