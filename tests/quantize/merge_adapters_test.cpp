// Adapters merged into a file: against double, against the adapters applied while loading, by bytes over
// threads and kernel sets, and what is refused.
#include "garam/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "garam/error.h"
#include "garam/quantize.h"
#include "garam/session.h"
#include "io/gguf.h"
#include "support/reference.h"
#include "support/refusal.h"
#include "support/temp_dir.h"
#include "support/tiny_adapter.h"

namespace garam::test {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string bytes_of(const GgufFile& file, const std::string& name) {
  const GgufTensor& tensor = *file.find_tensor(name);
  std::string bytes(tensor.bytes, '\0');
  file.read(tensor, 0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

class MergeAdapters : public testing::Test {
 protected:
  void make(const TinyOptions& options, const std::vector<TinyAdapterOptions>& adapters = {{}}) {
    const TinyModel tiny = TinyModel::make(options);
    tiny.write(base_);
    adapters_.clear();
    for (const TinyAdapterOptions& adapter : adapters) {
      adapters_.push_back({dir_.file(std::to_string(adapters_.size()) + ".gguf"), 1});
      make_adapter(tiny, adapter).write(adapters_.back().path);
    }
  }
  MergeReport merge(const MergeOptions& options = {}) {
    return merge_adapters(base_, adapters_, out_, options);
  }
  std::string refusal(ErrorCode code, const MergeOptions& options = {}) {
    try {
      merge(options);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_FALSE(std::filesystem::exists(out_));
      return error.what();
    }
  }
  std::vector<float> logits(const std::string& path, const std::vector<Adapter>& adapters) const {
    const Model model = Model::load(path, {.threads = 2, .adapters = adapters});
    Session session(model, {.kv_type = KvType::kF32});
    session.prefill(tiny_tokens(30, model.info().vocab), {.all_logits = true});
    return {session.logits().begin(), session.logits().end()};
  }

  const TempDir dir_;
  const std::string base_ = dir_.file("base.gguf"), out_ = dir_.file("out.gguf");
  std::vector<Adapter> adapters_;
};

std::vector<double> doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

TEST_F(MergeAdapters, EveryWeightIsThatOfDouble) {
  for (const char* architecture : {"llama", "gpt2", "qwen3moe"}) {
    make({.architecture = architecture, .experts = std::string_view(architecture) == "qwen3moe" ? 6u : 0u},
         {{.rank = 3}, {.rank = 9, .weights = "f16", .only = "attn", .seed = 2}});
    adapters_[1].scale = -0.5f;
    merge();
    ReferenceFile expected = ReferenceFile::read(base_);
    for (const Adapter& a : adapters_)
      add_adapter(expected, ReferenceFile::read(a.path), static_cast<double>(a.scale));
    const ReferenceFile found = ReferenceFile::read(out_);
    ASSERT_EQ(found.tensors.size(), expected.tensors.size());
    for (const auto& [name, tensor] : expected.tensors) {
      const auto& values = found.tensor(name).values;
      ASSERT_EQ(values.size(), tensor.values.size());
      // At most 14 roundings of numbers below 8 in magnitude.
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], tensor.values[i], 14 * 8 * 0x1p-24) << name << ' ' << i;
      }
    }
  }
}

TEST_F(MergeAdapters, ComputesWhatTheAdapterWould) {
  // f32: other roundings only. f16 and bf16: weights are rounded once more, of each a share of 2^-12 or 2^-9,
  // as random errors of so many products; bf16 also rounds activations for the base's products.
  const std::pair<const char*, double> bounds[] = {{"f32", 1e-5}, {"f16", 3e-3}, {"bf16", 3e-2}};
  for (const auto& [weights, bound] : bounds) {
    make({.weights = weights});
    const MergeReport report = merge();
    EXPECT_EQ(report.merged, 15u);
    EXPECT_EQ(report.copied, 6u);
    EXPECT_LT(relative_rms(logits(out_, {}), doubles(logits(base_, adapters_))), bound) << weights;
    EXPECT_GT(relative_rms(logits(out_, {}), doubles(logits(base_, {}))), 0.1) << weights;
  }
}

TEST_F(MergeAdapters, SameBytesWithAnyKernelsAndThreads) {
  make({.weights = "f16"}, {{.rank = 37}, {.rank = 2, .seed = 2}});
  for (const char* type : {"", "bf16", "q4_0"}) {
    merge({.type = type, .threads = 1, .kernels = KernelSet::kPortable});
    const std::string expected = contents(out_);
    for (const KernelSet kernels : available_kernel_sets()) {
      for (const unsigned threads : {1u, 3u}) {
        merge({.type = type, .threads = threads, .kernels = kernels});
        EXPECT_TRUE(contents(out_) == expected) << type << ' ' << to_string(kernels) << ' ' << threads;
      }
    }
  }
}

TEST_F(MergeAdapters, WhatIsNotAdaptedStaysByteForByte) {
  make({.weights = "mixed", .vocabulary = TinyVocabulary::kSentencePiece}, {{.only = "blk.0.attn_q"}});
  const GgufFile before = GgufFile::open(base_);
  MergeReport report;
  // The type of blk.0.attn_q among the mixed ones is no concern of this test.
  report = merge({.type = "f32"});
  EXPECT_EQ(report.merged, 1u);
  const GgufFile after = GgufFile::open(out_);
  ASSERT_EQ(after.keys().size(), before.keys().size());
  for (std::size_t i = 0; i < before.keys().size(); ++i) {
    EXPECT_EQ(after.keys()[i].name, before.keys()[i].name);
    EXPECT_EQ(after.keys()[i].value, before.keys()[i].value);
  }
  ASSERT_EQ(after.tensors().size(), before.tensors().size());
  for (const GgufTensor& tensor : before.tensors()) {
    const GgufTensor& now = *after.find_tensor(tensor.name);
    if (tensor.name == "blk.0.attn_q.weight") {
      EXPECT_EQ(now.type->name, "f32");
      continue;
    }
    EXPECT_EQ(now.type, tensor.type);
    EXPECT_TRUE(bytes_of(before, tensor.name) == bytes_of(after, tensor.name)) << tensor.name;
  }
}

TEST_F(MergeAdapters, OffChangesNothing) {
  make({.weights = "q8_0"});
  adapters_[0].scale = 0;
  const MergeReport report = merge();
  EXPECT_EQ(report.merged, 0u);
  const GgufFile before = GgufFile::open(base_), after = GgufFile::open(out_);
  for (const GgufTensor& tensor : before.tensors()) {
    EXPECT_TRUE(bytes_of(before, tensor.name) == bytes_of(after, tensor.name)) << tensor.name;
  }
}

TEST_F(MergeAdapters, QuantisedMatricesNeedAType) {
  make({.weights = "q8_0"});
  EXPECT_TRUE(helps(refusal(ErrorCode::kArgument), base_, {"q8_0", "--type", "f16"}));
  EXPECT_TRUE(helps("out: " + refusal(ErrorCode::kArgument, {.type = "q9_9"}), "", {"type", "q9_9"}));
  merge({.type = "q8_0"});
  EXPECT_EQ(inspect(out_).tensors.back().type, "q8_0");
  // q8_0 of weights that fit it no more: steps of 1/127 of a block's largest.
  EXPECT_LT(relative_rms(logits(out_, {}), doubles(logits(base_, adapters_))), 0.05);
}

TEST_F(MergeAdapters, Refusals) {
  make({});
  adapters_.push_back({dir_.file("none.gguf"), 1});
  EXPECT_NE(refusal(ErrorCode::kIo).find("none.gguf"), std::string::npos);
  TinyModel other = make_adapter(TinyModel::make({}));
  other.set("general.architecture", std::string("gpt2"));
  other.write(adapters_[1].path);
  EXPECT_TRUE(helps(refusal(ErrorCode::kFormat), adapters_[1].path, {"general.architecture"}));
  make_adapter(TinyModel::make({.hidden = 128})).write(adapters_[1].path);
  EXPECT_TRUE(
      helps(refusal(ErrorCode::kFormat), adapters_[1].path, {"expected shape [96, 4], found [128, 4]"}));
  TinyModel damaged = make_adapter(TinyModel::make({}));
  damaged.tensor("blk.1.ffn_up.weight.lora_b").set(20, INFINITY);
  damaged.write(adapters_[1].path);
  EXPECT_TRUE(
      helps(refusal(ErrorCode::kFormat), adapters_[1].path, {"blk.1.ffn_up.weight.lora_b", "finite"}));
  make_adapter(TinyModel::make({}), {.alpha = 1e7f}).write(adapters_[1].path);
  EXPECT_TRUE(helps(refusal(ErrorCode::kArgument, {.type = "f16"}), base_, {"f16", "larger"}));
  adapters_.clear();
  EXPECT_NE(refusal(ErrorCode::kArgument).find("adapters"), std::string::npos);
}

TEST_F(MergeAdapters, StopsAndReportsProgress) {
  make({});
  std::vector<double> steps;
  std::stop_source stop;
  MergeOptions options;
  options.progress = [&](double done) { steps.push_back(done); };
  options.stop = stop.get_token();
  merge(options);
  ASSERT_FALSE(steps.empty());
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(steps.back(), 1);
  std::filesystem::remove(out_);
  stop.request_stop();
  EXPECT_NE(refusal(ErrorCode::kCancelled, options), "");
}

TEST_F(MergeAdapters, TakesMemoryForABatchOnly) {
  make({.layers = 1, .width = 1024, .hidden = 6144}, {{.rank = 8}});
  const MemoryCeiling ceiling(std::size_t{32} << 20);  // of 76 MB of weights
  merge({.threads = 1});
  EXPECT_EQ(std::filesystem::file_size(out_) / 1000000, std::filesystem::file_size(base_) / 1000000);
}

}  // namespace
}  // namespace garam::test
