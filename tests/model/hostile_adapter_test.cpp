// Adapters that are none, contradict themselves or belong to another model: each is refused with an Error
// that names the file and what is wrong, before any weights are read.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

#include "model/hostile.h"
#include "support/tiny_adapter.h"

namespace garam::test {
namespace {

constexpr const char* kQ = "blk.1.attn_q.weight";

class HostileAdapter : public testing::Test {
 protected:
  /// Loading the model with this adapter fails with a message that has all `parts`.
  testing::AssertionResult refused_adapter(const TinyModel& adapter,
                                           std::initializer_list<std::string_view> parts, float scale = 1) {
    const std::string path = dir_.file("adapter.gguf");
    adapter.write(path);
    const MemoryCeiling ceiling(64 << 20);
    try {
      Model::load(base_.path(), {.threads = 1, .adapters = {{path, scale}}});
    } catch (const Error& error) {
      return is_refusal(error, path, parts);
    }
    return testing::AssertionFailure() << "was accepted";
  }
  TinyModel spoilt(const Change& change) const {
    TinyModel adapter = make_adapter(tiny_);
    change(adapter);
    return adapter;
  }
  static void replace(TinyModel& adapter, const std::string& name, const std::vector<std::uint64_t>& shape,
                      const char* type = "f32") {
    adapter.drop(name);
    adapter.add(name, type, shape);
  }

  const TinyModel tiny_ = good();
  const TinyFile base_{tiny_};
  const TempDir dir_;
};

TEST_F(HostileAdapter, TheUnspoiltOneLoads) {
  make_adapter(tiny_).write(dir_.file("adapter.gguf"));
  EXPECT_TRUE(runs(Model::load(base_.path(), {.threads = 1, .adapters = {{dir_.file("adapter.gguf")}}})));
}

TEST_F(HostileAdapter, Keys) {
  EXPECT_TRUE(refused_adapter(tiny_, {"general.type", "\"adapter\""}));
  const std::pair<const char*, GgufValue> wrong[] = {
      {"general.type", std::string("model")},
      {"general.type", std::uint32_t{1}},
      {"adapter.type", std::string("ia3")},
      {"general.architecture", std::string("gpt2")},
      {"adapter.lora.alpha", std::numeric_limits<float>::infinity()},
      {"adapter.lora.alpha", std::numeric_limits<float>::quiet_NaN()},
      {"adapter.lora.alpha", std::string("16")},
      {"adapter.alora.invocation_tokens", GgufArray(std::vector<std::uint32_t>{1})},
  };
  for (const auto& [key, value] : wrong) {
    EXPECT_TRUE(
        refused_adapter(spoilt([&, &key = key, &value = value](TinyModel& a) { a.set(key, value); }), {key}));
  }
  for (const char* key : {"general.type", "adapter.type", "general.architecture"}) {
    EXPECT_TRUE(refused_adapter(spoilt([&](TinyModel& a) { a.erase(key); }), {key}));
  }
}

TEST_F(HostileAdapter, HalvesThatAreMissing) {
  for (const char* half : {".lora_a", ".lora_b"}) {
    const std::string name = std::string(kQ) + half;
    EXPECT_TRUE(refused_adapter(spoilt([&](TinyModel& a) { a.drop(name); }), {name, "beside"}));
  }
  EXPECT_TRUE(refused_adapter(spoilt([](TinyModel& a) { a.tensors.clear(); }), {".lora_a"}));
}

TEST_F(HostileAdapter, TensorsThatAreNoHalves) {
  for (const char* name : {"blk.0.attn_norm.weight", "lora_a", "blk.0.attn_q.weight.lora_c"}) {
    EXPECT_TRUE(refused_adapter(spoilt([&](TinyModel& a) { a.add(name, "f32", {64}); }), {name}));
  }
}

TEST_F(HostileAdapter, TensorsThatAreNotAdapted) {
  const auto with = [&](const std::string& name, std::uint64_t rows, std::uint64_t k) {
    return spoilt([&](TinyModel& a) {
      a.add(name + ".lora_a", "f32", {4, k});
      a.add(name + ".lora_b", "f32", {rows, 4});
    });
  };
  EXPECT_TRUE(
      refused_adapter(with("blk.9.attn_q.weight", 64, 64), {"blk.9.attn_q.weight", "none of that name"}));
  EXPECT_TRUE(refused_adapter(with("", 64, 64), {".lora_a"}));
  EXPECT_TRUE(refused_adapter(with("token_embd.weight", 67, 64), {"token_embd.weight", "multiplied"}));
  EXPECT_TRUE(refused_adapter(with("position_embd.weight", 67, 64), {"position_embd.weight"}));
  EXPECT_TRUE(
      refused_adapter(with("blk.0.attn_norm.weight", 1, 64), {"blk.0.attn_norm.weight", "no matrix"}));
}

TEST_F(HostileAdapter, Shapes) {
  const std::string a = std::string(kQ) + ".lora_a", b = std::string(kQ) + ".lora_b";
  const auto with = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
    return spoilt([&](TinyModel& adapter) { replace(adapter, name, shape); });
  };
  EXPECT_TRUE(refused_adapter(with(a, {4, 32}), {a, "expected shape [4, 64], found [4, 32]"}));
  EXPECT_TRUE(refused_adapter(with(a, {64, 4}), {b, "expected shape [64, 64]"}));  // not transposed
  EXPECT_TRUE(refused_adapter(with(b, {63, 4}), {b, "expected shape [64, 4], found [63, 4]"}));
  EXPECT_TRUE(refused_adapter(with(b, {64, 5}), {b, "expected shape [64, 4]", "found [64, 5]"}));
  EXPECT_TRUE(refused_adapter(with(b, {4, 64}), {b}));
  EXPECT_TRUE(refused_adapter(with(a, {2, 4, 64}), {b}));
  EXPECT_TRUE(refused_adapter(with(b, {2, 64, 4}), {b}));
  EXPECT_TRUE(refused_adapter(with(a, {1, 1, 4, 64}), {a, "dimensions"}));
  EXPECT_TRUE(refused_adapter(with(a, {64}), {b}));
  const TinyModel both = spoilt([&](TinyModel& adapter) {
    replace(adapter, a, {3, 4, 64});
    replace(adapter, b, {3, 64, 4});
  });
  EXPECT_TRUE(refused_adapter(both, {a, "expected shape [4, 64], found [3, 4, 64]"}));
}

TEST_F(HostileAdapter, Ranks) {
  const auto with = [&](std::uint64_t rank) {
    return spoilt([&](TinyModel& adapter) {
      replace(adapter, std::string(kQ) + ".lora_a", {rank, 64});
      replace(adapter, std::string(kQ) + ".lora_b", {64, rank});
    });
  };
  EXPECT_TRUE(refused_adapter(with(4097), {"rank", "4096", "4097"}));
  with(4096).write(dir_.file("adapter.gguf"));
  EXPECT_TRUE(runs(Model::load(base_.path(), {.threads = 1, .adapters = {{dir_.file("adapter.gguf")}}})));
}

TEST_F(HostileAdapter, NumbersThatAreNone) {
  for (const char* half : {".lora_a", ".lora_b"}) {
    for (const float bad :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      const std::string name = std::string(kQ) + half;
      EXPECT_TRUE(refused_adapter(spoilt([&](TinyModel& a) { a.tensor(name).set(70, bad); }),
                                  {name, "finite", "rows"}));
    }
  }
}

TEST_F(HostileAdapter, ScalesThatAreNone) {
  make_adapter(tiny_, {.alpha = 1e30f}).write(dir_.file("adapter.gguf"));
  for (const float scale : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN(), 1e30f}) {
    std::string message;
    EXPECT_EQ(
        error_of(
            [&] {
              Model::load(base_.path(), {.threads = 1, .adapters = {{dir_.file("adapter.gguf"), scale}}});
            },
            &message),
        ErrorCode::kArgument);
    EXPECT_TRUE(helps(message, dir_.file("adapter.gguf"), {"scale", "finite"}));
  }
}

/// Finite numbers whose products are not end in an error, not in wrong text.
TEST_F(HostileAdapter, UpdatesThatOverflow) {
  make_adapter(tiny_, {.alpha = 3e38f}).write(dir_.file("adapter.gguf"));
  Session session(Model::load(base_.path(), {.threads = 1, .adapters = {{dir_.file("adapter.gguf")}}}));
  EXPECT_EQ(error_of([&] { session.prefill(std::vector<std::int32_t>{1, 2}); }), ErrorCode::kNonFinite);
  EXPECT_EQ(session.length(), 0u);
}

TEST_F(HostileAdapter, CutShortAnywhere) {
  const std::string path = dir_.file("adapter.gguf");
  make_adapter(tiny_, {.only = "attn_q"}).write(path);
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t size = 0; size < whole.size(); size += 29) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(whole.data(), static_cast<std::streamsize>(size));
    std::string message;
    const ErrorCode code =
        error_of([&] { Model::load(base_.path(), {.threads = 1, .adapters = {{path}}}); }, &message);
    // The last tensor is padded to the alignment.
    if (code == ErrorCode{} && size + 32 > whole.size()) continue;
    ASSERT_TRUE(code == ErrorCode::kFormat || code == ErrorCode::kIo) << size << ": " << message;
    ASSERT_NE(message.find(path), std::string::npos) << message;
  }
}

TEST_F(HostileAdapter, AModelIsNoAdapterAndAnAdapterNoModel) {
  const std::string path = dir_.file("adapter.gguf");
  make_adapter(tiny_).write(path);
  std::string message;
  EXPECT_EQ(error_of([&] { Model::load(path); }, &message), ErrorCode::kUnsupported);
  EXPECT_TRUE(helps(message, path, {"general.type", "--lora"}));
  EXPECT_EQ(error_of([&] { Model::load(base_.path(), {.adapters = {{dir_.file("missing")}}}); }, &message),
            ErrorCode::kIo);
  EXPECT_NE(message.find("missing"), std::string::npos);
  EXPECT_EQ(inspect(path).tensors.size(), 30u);
}

/// Experts: as many as the base has, or an error.
TEST(HostileAdapters, OfExperts) {
  const TinyModel tiny = TinyModel::make({.architecture = "qwen3moe", .layers = 1, .experts = 6});
  const TinyFile base(tiny);
  const TempDir dir;
  const std::string path = dir.file("adapter.gguf"), name = "blk.0.ffn_up_exps.weight";
  const auto load = [&](const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
    TinyModel adapter = make_adapter(tiny);
    adapter.drop(name + ".lora_a");
    adapter.drop(name + ".lora_b");
    adapter.add(name + ".lora_a", "f32", a);
    adapter.add(name + ".lora_b", "f32", b);
    adapter.write(path);
    std::string message;
    error_of([&] { Model::load(base.path(), {.threads = 1, .adapters = {{path}}}); }, &message);
    return message;
  };
  std::vector<std::uint64_t> of{};
  for (const TinyTensor& tensor : tiny.tensors) {
    if (tensor.name == name) of = tensor.shape;
  }
  ASSERT_EQ(of.size(), 3u);
  EXPECT_EQ(load({6, 4, of[2]}, {6, of[1], 4}), "");
  EXPECT_TRUE(helps(load({5, 4, of[2]}, {5, of[1], 4}), path, {name, "expected shape [6, "}));
  EXPECT_TRUE(helps(load({6, 4, of[2]}, {5, of[1], 4}), path, {name}));
  EXPECT_TRUE(helps(load({4, of[2]}, {of[1], 4}), path, {name, "expected shape [6, "}));
}

}  // namespace
}  // namespace garam::test
