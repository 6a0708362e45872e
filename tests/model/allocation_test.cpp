// The second phase of a pass allocates nothing: architecture.md's decision 6, counted. And a vocabulary takes
// a small multiple of its file. This file replaces operator new for the whole program; it counts only while
// told to.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "base/float_env.h"
#include "model/harness.h"
#include "model/session_impl.h"
#include "ops/low_rank.h"
#include "support/shared.h"
#include "support/tiny_adapter.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> allocated_bytes{0};

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (counting.load(std::memory_order_relaxed)) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    allocated_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
  if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes > 0 ? bytes : 1);
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment = 1) {
  void* p = allocate(bytes, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

/// Not inlined: gcc 12 would see memory of new go to free, which it takes for a mistake.
[[gnu::noinline]] void release(void* p) noexcept {
  std::free(p);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate_or_throw(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate_or_throw(bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, 1);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept {
  release(p);
}
void operator delete[](void* p) noexcept {
  release(p);
}
void operator delete(void* p, std::size_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  release(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  release(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  release(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  release(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  release(p);
}

namespace garam::test {
namespace {

template <typename Body>
std::size_t allocations_in(const Body& body) {
  allocations = 0;
  allocated_bytes = 0;
  counting = true;
  body();
  counting = false;
  return allocations;
}

TEST(Allocation, TheCounterCounts) {
  EXPECT_GE(allocations_in([] {
              std::vector<int> v(100);
              ASSERT_NE(v.data(), nullptr);
            }),
            1u);
}

/// Architecture::forward by hand, as advance() calls it: a prompt, then single tokens, then both mixed.
void expect_no_allocation(const Model& model) {
  const FloatEnvironment environment;
  const Model::Impl& impl = model.impl();
  const std::size_t vocab = impl.info.vocab;
  const Architecture& arch = *impl.architecture;
  const ops::KvLayout layout = arch.config().kv_layout(kernels::KvFormat::kF16);
  KvSequence first(layout, 0), second(layout, 0);
  first.reserve(300);
  second.reserve(300);
  ASSERT_TRUE(impl.pool->try_acquire());
  const Context context(impl.kernels.table, impl.pool.get(), kWorkers);

  constexpr std::size_t kMostRows = 280;
  const auto tokens = tiny_tokens(kMostRows, vocab);
  std::vector<std::int32_t> positions(kMostRows);
  std::vector<std::uint32_t> wanted(kMostRows);
  std::vector<float> logits(kMostRows * 96);
  const auto pass = [&](std::size_t first_rows, std::size_t second_rows) {
    const std::size_t rows = first_rows + second_rows;
    const std::size_t room = ops::low_rank_room(impl.adapters.widest);
    Workspace measure(room), workspace(room);
    arch.carve(measure, layout, rows, context.workers());
    workspace.reserve(measure.used());
    for (std::size_t t = 0; t < rows; ++t) {
      positions[t] =
          static_cast<std::int32_t>(t < first_rows ? first.length() + t : second.length() + t - first_rows);
      wanted[t] = static_cast<std::uint32_t>(t);
    }
    std::vector<ops::SequenceRows> sequences;
    if (first_rows > 0) {
      sequences.push_back({first.pages(), 0, first_rows, static_cast<std::int32_t>(first.length()), 0,
                           first.windowed_pages()});
    }
    if (second_rows > 0) {
      sequences.push_back({second.pages(), first_rows, second_rows,
                           static_cast<std::int32_t>(second.length()), 0, second.windowed_pages()});
    }
    Forward forward{context,
                    layout,
                    workspace,
                    std::span(tokens).first(rows),
                    std::span(positions).first(rows),
                    sequences,
                    std::span(wanted).first(rows),
                    Rows{logits.data(), rows, vocab, 96},
                    {}};
    const std::size_t count = allocations_in([&] { arch.forward(forward); });
    EXPECT_EQ(workspace.used(), measure.used()) << "computing takes what was measured";
    EXPECT_TRUE(forward.finite);
    first.commit(first_rows);
    second.commit(second_rows);
    return count;
  };
  EXPECT_EQ(pass(270, 0), 0u);
  EXPECT_EQ(pass(1, 0), 0u);
  EXPECT_EQ(pass(1, 40), 0u);
  EXPECT_EQ(pass(20, 200), 0u);
  impl.pool->release();
}

class Compute : public testing::TestWithParam<std::tuple<const char*, const char*, KernelSet>> {};

TEST_P(Compute, AllocatesNothing) {
  const auto [architecture, weights, kernels] = GetParam();
  const auto sets = available_kernel_sets();
  if (std::find(sets.begin(), sets.end(), kernels) == sets.end()) {
    GTEST_SKIP() << "SKIPPED: this CPU cannot run " << to_string(kernels);
  }
  expect_no_allocation(load_tiny({.architecture = architecture, .weights = weights}, kernels));
}

TEST(Allocation, AdaptersAllocateNothing) {
  for (const char* architecture : {"llama", "phi3", "qwen2moe"}) {
    const TinyModel tiny = TinyModel::make({.architecture = architecture, .weights = "mixed"});
    const TinyFile base(tiny), first(make_adapter(tiny, {.rank = 3})),
        second(make_adapter(tiny, {.rank = 40}));
    expect_no_allocation(
        Model::load(base.path(), {.threads = kWorkers, .adapters = {{first.path()}, {second.path(), 0.5f}}}));
  }
}

INSTANTIATE_TEST_SUITE_P(Allocation, Compute,
                         testing::Combine(testing::Values("gpt2", "llama"), testing::Values("f32", "mixed"),
                                          testing::Values(KernelSet::kPortable, KernelSet::kAvx2,
                                                          KernelSet::kAvx512, KernelSet::kNeon)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param) + "_" +
                                  std::string(to_string(std::get<2>(info.param)));
                         });

INSTANTIATE_TEST_SUITE_P(AllocationOfOthers, Compute,
                         testing::Combine(testing::Values("command-r", "falcon", "gemma3", "gpt-oss", "olmo2",
                                                          "qwen2moe"),
                                          testing::Values("mixed"), testing::Values(KernelSet::kPortable)),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// A step through the public door: what the reserve phase takes does not grow with the model or the context.
TEST(Allocation, AStepTakesTheSameFewWhateverTheModel) {
  const auto of_step = [](const TinyOptions& options, std::size_t held) {
    Session session(load_tiny(options));
    session.prefill(tiny_tokens(held, options.vocab));
    session.step(1);
    return allocations_in([&] { session.step(1); });
  };
  const std::size_t few = of_step({}, 10);
  EXPECT_EQ(of_step({.layers = 6}, 10), few);
  EXPECT_EQ(of_step({.heads = 8, .hidden = 160}, 300), few);
  EXPECT_LE(few, 12u) << "rows, sequences and wanted logits of one pass";
}

/// All that is ever allocated, not only what is kept.
TEST(Allocation, AVocabularyTakesLessThanFourTimesItsFile) {
  for (const char* name : {"vocabs/llama-bpe.gguf", "vocabs/gemma-4.gguf"}) {
    const auto path = shared_path(name);
    if (!path) GTEST_SKIP() << "SKIPPED: " << shared_missing(name);
    allocations_in([&] { load_tokenizer(path->string()); });
    EXPECT_LT(static_cast<double>(allocated_bytes),
              4.0 * static_cast<double>(std::filesystem::file_size(*path)))
        << name;
  }
}

}  // namespace
}  // namespace garam::test
