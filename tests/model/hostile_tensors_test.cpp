// Tensors that are missing, misshapen, of a type that is not computed, or that nobody asked for: each is
// refused with an Error that names the file and the tensor, or works where it is legal.
#include <gtest/gtest.h>

#include <limits>

#include "model/hostile.h"

namespace garam::test {
namespace {

TEST(Hostile, MissingTensors) {
  for (const char* architecture : {"llama", "gpt2", "olmo2", "falcon", "command-r", "qwen2moe", "gpt-oss"}) {
    const TinyModel base = good(architecture);
    for (const TinyTensor& tensor : base.tensors) {
      TinyModel tiny = base;
      tiny.drop(tensor.name);
      if (base.keys.front().second == GgufValue(std::string("qwen2moe")) && tensor.name.ends_with(".bias")) {
        EXPECT_TRUE(works(tiny)) << "relatives without biases share the architecture";
      } else if (tensor.name == "output.weight") {
        EXPECT_TRUE(works(tiny)) << "the embedding serves as output";
      } else {
        EXPECT_TRUE(refused(tiny, {tensor.name.c_str()}));
      }
    }
  }
}

TEST(Hostile, WrongShapes) {
  for (const char* architecture : {"llama", "gpt2", "olmo2", "falcon", "qwen2moe", "gpt-oss"}) {
    const TinyModel base = good(architecture);
    for (std::size_t i = 0; i < base.tensors.size(); ++i) {
      const std::string name = base.tensors[i].name;
      const auto shape = base.tensors[i].shape;
      std::vector<std::vector<std::uint64_t>> wrong = {{1}};
      wrong.push_back(shape);
      wrong.back().push_back(1);
      wrong.push_back(shape);
      wrong.back().insert(wrong.back().begin(), 1);
      wrong.push_back(shape);
      wrong.back()[0] += 1;
      if (shape.size() == 2) {
        wrong.push_back({shape[0] * shape[1]});
        wrong.push_back({shape[0], shape[1] + 1});
        if (shape[0] != shape[1]) wrong.push_back({shape[1], shape[0]});
      }
      for (const auto& other : wrong) {
        TinyModel tiny = base;
        tiny.drop(name);
        tiny.add(name, "f32", other);
        // With another number of rows the embedding is right and everything as wide as the vocabulary wrong.
        const bool embedding = name == "token_embd.weight" && other.size() == 2 && other[1] == shape[1];
        EXPECT_TRUE(refused(tiny, {embedding ? "output.weight" : name.c_str()}));
      }
    }
  }
}

/// Norms of a head each, as the tied command-r has them, are refused in other shapes and where half are
/// missing.
TEST(Hostile, NormsOfHeads) {
  const TinyModel base = TinyModel::make({.architecture = "command-r", .head_norms = true});
  EXPECT_TRUE(works(base));
  for (const char* name : {"blk.0.attn_q_norm.weight", "blk.1.attn_k_norm.weight"}) {
    TinyModel tiny = base;
    tiny.drop(name);
    EXPECT_TRUE(refused(tiny, {name[11] == 'k' ? name : "blk.0.attn_k_norm.weight"}));
    const std::vector<std::vector<std::uint64_t>> shapes = {{64},    {16},    {16, 4},
                                                            {1, 16}, {5, 16}, {1, 4, 16}};
    for (const auto& shape : shapes) {
      TinyModel other = tiny;
      other.add(name, "f32", shape);
      EXPECT_TRUE(refused(other, {name}));
    }
    tiny.add(name, "q8_0", {4, 32});
    EXPECT_TRUE(refused(tiny, {name}));
  }
  TinyModel damaged = base;
  damaged.tensor("blk.1.attn_k_norm.weight").set(17, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(refused(damaged, {"blk.1.attn_k_norm.weight", "at 17"}));
}

TEST(Hostile, TensorsNobodyAskedFor) {
  for (const char* name : {"blk.0.attn_q_norm.weight", "blk.2.attn_norm.weight", "output.bias",
                           "token_types.weight", "blk.0.ffn_gate_inp.weight", "blk.00.attn_q.weight"}) {
    TinyModel tiny = good();
    tiny.add(name, "f32", {64});
    EXPECT_TRUE(refused(tiny, {name}));
  }
  TinyModel learned = good("gpt2");
  learned.add("rope_freqs.weight", "f32", {8});
  EXPECT_TRUE(refused(learned, {"rope_freqs.weight"}));
  TinyModel old = good();
  old.add("blk.0.attn_rot_embd.weight", "f32", {8});
  EXPECT_TRUE(works(old)) << "a table that old converters wrote and nobody reads";
}

TEST(Hostile, WeightTypesNotComputed) {
  struct {
    const char* name;
    std::uint32_t id;
    std::size_t block_values, block_bytes;
  } const types[] = {{"q8_1", 9, 32, 36}, {"nvfp4", 40, 64, 36}, {"i8", 24, 1, 1}, {"f64", 28, 1, 8}};
  for (const auto& type : types) {
    TinyModel tiny = good();
    TinyTensor& tensor = tiny.tensor("blk.1.attn_k.weight");
    tensor.type = type.id;
    tensor.data.assign(32 * 64 / type.block_values * type.block_bytes, std::byte{0});
    EXPECT_TRUE(refused(tiny, {"blk.1.attn_k.weight", type.name, "q4_0"}));
  }
  TinyModel tiny = good();
  tiny.drop("output_norm.weight");
  tiny.add("output_norm.weight", "q8_0", {64});
  EXPECT_TRUE(refused(tiny, {"output_norm.weight", "q8_0"}));
  tiny.drop("output_norm.weight");
  tiny.add("output_norm.weight", "f16", {64});
  EXPECT_TRUE(works(tiny));
  tiny.drop("output_norm.weight");
  tiny.add("output_norm.weight", "bf16", {64});
  EXPECT_TRUE(works(tiny));
}

}  // namespace
}  // namespace garam::test
