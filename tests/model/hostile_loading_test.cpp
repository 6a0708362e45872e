// Files that shrink, grow or are replaced while a model is loaded from them (hostile-input class L8), and
// split models whose parts do not fit together: an Error, never a signal and never a wrong model.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "model/hostile.h"
#include "model/split_model.h"

namespace garam::test {
namespace {

namespace fs = std::filesystem;

/// Four megabytes of weights, so that loading takes several reads and reports between them.
const TinyModel& large() {
  static const TinyModel model =
      TinyModel::make({.layers = 1, .head_dim = 64, .width = 256, .hidden = 512, .vocab = 1024});
  return model;
}

/// What loading says when `change` happens at the first report of progress.
Error error_when(const std::function<void(const std::string& path)>& change, unsigned threads) {
  const TinyFile file(large());
  bool changed = false;
  try {
    Model::load(file.path(), {.threads = threads, .progress = [&](double) {
                                if (!changed) change(file.path());
                                changed = true;
                              }});
  } catch (const Error& error) {
    EXPECT_TRUE(helps(error.what(), file.path()));
    return error;
  }
  return Error(ErrorCode::kArgument, "loaded");
}

TEST(HostileLoading, ShrinksWhileLoading) {
  for (const std::uintmax_t size : {std::uintmax_t{0}, std::uintmax_t{100000}}) {
    const auto shrink = [&](const std::string& path) { fs::resize_file(path, size); };
    EXPECT_EQ(error_when(shrink, 1).code(), ErrorCode::kIo);
    EXPECT_EQ(error_when(shrink, 3).code(), ErrorCode::kIo);
  }
}

TEST(HostileLoading, ChangesWhileLoading) {
  const auto overwrite = [](const std::string& path) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(200000);
    file << "other weights";
  };
  const auto grow = [](const std::string& path) { fs::resize_file(path, fs::file_size(path) + 1); };
  const auto replace = [](const std::string& path) {
    fs::copy_file(path, path + ".new");
    fs::rename(path + ".new", path);
  };
  EXPECT_EQ(error_when(overwrite, 1).code(), ErrorCode::kIo);
  EXPECT_EQ(error_when(grow, 1).code(), ErrorCode::kIo);
  EXPECT_EQ(error_when(replace, 1).code(), ErrorCode::kIo);
  EXPECT_STREQ(error_when([](const std::string& path) { fs::remove(path); }, 1).what(), "loaded")
      << "what was opened is still there";
}

/// Cut and restored all the time, by another thread: whatever loading meets, it ends.
TEST(HostileLoading, ShrinksAtAnyMoment) {
  const TinyModel tiny = good();
  const TinyFile file(tiny);
  const auto full = fs::file_size(file.path());
  std::atomic<bool> stop{false};
  std::thread other([&] {
    for (std::uintmax_t size = 0; !stop; size = (size + 977) % full) {
      fs::resize_file(file.path(), size);
      std::this_thread::yield();
      if (size % 3 == 0) tiny.write(file.path());
    }
  });
  for (int i = 0; i < 300; ++i) {
    try {
      EXPECT_TRUE(runs(Model::load(file.path(), {.threads = 1})));
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kIo || error.code() == ErrorCode::kFormat) << error.what();
    }
  }
  stop = true;
  other.join();
}

TEST(HostileLoading, SplitModelsGiveTheSameBits) {
  const std::vector<std::int32_t> tokens = {1, 2, 3};
  for (const char* architecture : {"llama", "gpt2"}) {
    const TinyModel tiny = good(architecture);
    const auto expected = all_logits(load_tiny(tiny), tokens);
    for (const std::size_t in_first : {std::size_t{0}, std::size_t{1}, std::size_t{9}, tiny.tensors.size()}) {
      const TempDir dir;
      write_split(tiny, dir, in_first);
      const Model model = Model::load(dir.file(part_name(0)), {.threads = 1});
      EXPECT_TRUE(equal_bits(expected, all_logits(model, tokens))) << in_first << " tensors in the first";
      EXPECT_EQ(inspect(dir.file(part_name(0))).tensors.size(), tiny.tensors.size());
    }
  }
}

TEST(HostileLoading, SplitModelsWithAPartOfAnother) {
  const TempDir dir, other;
  write_split(good(), dir, 5);
  TinyModel spoilt = good();
  spoilt.tensor("output_norm.weight").name = "output_morn.weight";
  write_split(spoilt, other, 5);
  fs::copy_file(other.file(part_name(1)), dir.file(part_name(1)), fs::copy_options::overwrite_existing);
  try {
    Model::load(dir.file(part_name(0)));
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_TRUE(is_refusal(error, "m-00001-of-00002.gguf", {"output_norm.weight"}));
  }
  fs::remove(dir.file(part_name(1)));
  std::string message;
  EXPECT_EQ(error_of([&] { Model::load(dir.file(part_name(0))); }, &message), ErrorCode::kIo);
  EXPECT_NE(message.find(part_name(1)), std::string::npos) << message;
}

}  // namespace
}  // namespace garam::test
