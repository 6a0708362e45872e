// The pack cache: weights from it give the bits that packing gives; whatever is wrong with its file, the
// model loads as if there were none.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <thread>

#include "base/hash.h"
#include "io/gguf.h"
#include "model/harness.h"
#include "model/hostile.h"
#include "model/split_model.h"

namespace garam::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeaderBytes = 80;

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), std::ssize(bytes));
}

/// Replaces bytes and leaves the time of the last write as it was.
void patch_quietly(const std::string& path, std::uint64_t offset, const std::string& bytes) {
  const auto time = fs::last_write_time(path);
  {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
  }
  fs::last_write_time(path, time);
}

const std::vector<std::int32_t> kTokens = {1, 2, 3, 60, 5};

/// A model and a folder for its cache.
class Cached {
 public:
  explicit Cached(const TinyModel& tiny = good()) : file_(tiny) {}
  explicit Cached(const TinyOptions& options) : file_(options) {}

  std::string model() const { return file_.path(); }
  std::string folder() const { return dir_.file("cache"); }
  Model load(bool check = false, unsigned threads = kWorkers) const {
    return Model::load(model(), {.threads = threads, .pack_cache = folder(), .check_tensors = check});
  }
  /// The one file in the folder.
  std::string cache() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder())) found.push_back(entry.path().string());
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? "" : found.front();
  }

 private:
  TinyFile file_;
  TempDir dir_;
};

/// Not from the cache, for a reason that has `part` in it, and right; afterwards from the cache.
testing::AssertionResult is_packed_anew(const Cached& cached, const Model& reference, std::string_view part,
                                        bool check = false) {
  const Model model = cached.load(check);
  const PackCacheInfo& info = model.pack_cache();
  if (info.use != PackCacheUse::kWritten) {
    return testing::AssertionFailure() << "use " << static_cast<int>(info.use) << ": " << info.reason;
  }
  if (info.reason.find(part) == std::string::npos || info.reason.find(info.path) == std::string::npos) {
    return testing::AssertionFailure() << "expected \"" << part << "\" and the path in: " << info.reason;
  }
  if (model.fingerprint() != reference.fingerprint()) return testing::AssertionFailure() << "fingerprint";
  const auto bits = equal_bits(all_logits(reference, kTokens), all_logits(model, kTokens));
  if (!bits) return bits;
  const Model again = cached.load(check);
  if (again.pack_cache().use != PackCacheUse::kHit) {
    return testing::AssertionFailure() << "afterwards: " << again.pack_cache().reason;
  }
  return equal_bits(all_logits(reference, kTokens), all_logits(again, kTokens));
}

TEST(PackCache, OffUnlessAskedFor) {
  const Model model = load_tiny(TinyOptions{});
  EXPECT_EQ(model.pack_cache().use, PackCacheUse::kOff);
  EXPECT_EQ(model.pack_cache().path, "");
  EXPECT_EQ(model.pack_cache().reason, "");
}

TEST(PackCache, SameBitsFromEveryFormatAndArchitecture) {
  for (const char* architecture : {"llama", "gpt2"}) {
    for (const char* weights : {"f32", "f16", "bf16", "q8_0", "q4_0", "mixed"}) {
      const Cached cached(TinyOptions{.architecture = architecture, .weights = weights});
      const Model plain = Model::load(cached.model(), {.threads = kWorkers});
      const auto expected = all_logits(plain, kTokens);
      const Model first = cached.load();
      EXPECT_EQ(first.pack_cache().use, PackCacheUse::kWritten) << first.pack_cache().reason;
      EXPECT_EQ(first.pack_cache().path, cached.cache());
      for (const unsigned threads : {1u, 3u}) {
        const Model hit = cached.load(threads == 3, threads);
        EXPECT_EQ(hit.pack_cache().use, PackCacheUse::kHit) << hit.pack_cache().reason;
        EXPECT_EQ(hit.pack_cache().path, cached.cache());
        EXPECT_EQ(hit.fingerprint(), plain.fingerprint());
        EXPECT_EQ(hit.info().weight_bytes, plain.info().weight_bytes);
        EXPECT_TRUE(equal_bits(expected, all_logits(hit, kTokens))) << architecture << ' ' << weights;
      }
      EXPECT_EQ(first.fingerprint(), plain.fingerprint());
      EXPECT_TRUE(equal_bits(expected, all_logits(first, kTokens)));
    }
  }
}

/// More than 2 MiB of weights lie at another place in the file.
TEST(PackCache, LargerThanAHugePage) {
  const TinyOptions large{.layers = 1, .head_dim = 64, .width = 256, .hidden = 512, .vocab = 1024};
  const Cached cached(large);
  const Model plain = Model::load(cached.model(), {.threads = kWorkers});
  EXPECT_EQ(cached.load().pack_cache().use, PackCacheUse::kWritten);
  EXPECT_EQ(fs::file_size(cached.cache()), (std::size_t{2} << 20) + plain.info().weight_bytes);
  const Model hit = cached.load();
  EXPECT_EQ(hit.pack_cache().use, PackCacheUse::kHit);
  EXPECT_TRUE(equal_bits(all_logits(plain, kTokens), all_logits(hit, kTokens)));
}

/// A session saved with one goes on with the other.
TEST(PackCache, SessionFilesFitBothWays) {
  const Cached cached;
  const TempDir dir;
  const Model packed = cached.load();
  const Model hit = cached.load();
  ASSERT_EQ(hit.pack_cache().use, PackCacheUse::kHit);
  Session session(packed);
  session.prefill(kTokens);
  session.save(dir.file("session"));
  Session other(hit);
  other.load(dir.file("session"));
  session.step(7);
  other.step(7);
  EXPECT_TRUE(equal_bits(session.logits(), other.logits()));
}

TEST(PackCache, TheTokenizerIsThereWhenItIsAskedFor) {
  const std::string text = "The tool was in the hand, 12 of them\n\n";
  for (const TinyVocabulary vocabulary : {TinyVocabulary::kByteLevel, TinyVocabulary::kSentencePiece}) {
    const Cached cached(TinyOptions{.layers = 1, .vocabulary = vocabulary});
    const auto expected = cached.load().tokenizer().encode(text);
    const Model hit = cached.load();
    ASSERT_EQ(hit.pack_cache().use, PackCacheUse::kHit);
    std::vector<std::thread> threads;
    std::vector<std::vector<std::int32_t>> found(4);
    for (auto& ids : found) {
      threads.emplace_back([&hit, &ids, &text] { ids = hit.tokenizer().encode(text); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& ids : found) EXPECT_EQ(ids, expected);
    EXPECT_EQ(&hit.tokenizer(), &hit.tokenizer());
    cached.load();  // nobody asks, and the model goes
  }
  const Cached without;
  without.load();
  const Model hit = without.load();
  EXPECT_EQ(hit.pack_cache().use, PackCacheUse::kHit);
  EXPECT_EQ(error_of([&] { hit.tokenizer(); }), ErrorCode::kUnsupported);
}

/// What keeps a model from loading keeps it from being cached, so that a hit cannot hide it.
TEST(PackCache, NothingIsKeptOfAModelThatDoesNotLoad) {
  TinyModel vocabulary = good_with(TinyVocabulary::kByteLevel);
  array<std::string>(vocabulary, "tokenizer.ggml.merges").front() = "no-space";
  TinyModel weights = good();
  weights.tensor("blk.0.attn_q.weight").set(3, std::numeric_limits<float>::infinity());
  for (const TinyModel& tiny : {vocabulary, weights}) {
    const Cached cached(tiny);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(error_of([&] { cached.load(); }), ErrorCode::kFormat);
    EXPECT_FALSE(fs::exists(cached.folder()));
  }
}

TEST(PackCache, EveryChangeOfTheSourceIsAMiss) {
  TinyModel tiny = good();
  const Cached cached(tiny);
  cached.load();
  const std::string path = cached.model();
  const auto anew = [&](std::string_view what) {
    const Model reference = Model::load(path, {.threads = 1});
    EXPECT_TRUE(is_packed_anew(cached, reference, "fingerprint")) << what;
  };

  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::nanoseconds(1000));
  anew("time");
  const auto time = fs::last_write_time(path);
  fs::resize_file(path, fs::file_size(path) + 64);
  fs::last_write_time(path, time);
  anew("size");

  // Of keys of the same length, and of a vector, every byte counts.
  std::string bytes = bytes_of(path);
  const std::string name = "tiny random weights";
  patch_quietly(path, bytes.find(name), "Tiny Random Weights");
  anew("keys");
  const GgufFile file = GgufFile::open(path);
  const GgufTensor& vector = *file.find_tensor("blk.1.ffn_norm.weight");
  patch_quietly(path, vector.offset + 8, std::string(4, '\x3e'));
  anew("vector");

  // Of weights 64 samples, of which one is the beginning and one the end. This model is small: all of it.
  const GgufTensor& matrix = *file.find_tensor("blk.0.attn_k.weight");
  patch_quietly(path, matrix.offset + 8, std::string(4, '\x3e'));
  anew("matrix");

  tiny.set("llama.rope.freq_base", 10001.0f);
  tiny.write(path);
  anew("another model");
}

/// A byte between the samples is found by check_tensors only, as documented.
TEST(PackCache, ChecksOfEveryByteOfTheSource) {
  const TinyOptions large{.layers = 2, .head_dim = 64, .width = 256, .hidden = 1024, .vocab = 1024};
  const Cached cached(large);
  cached.load();
  EXPECT_EQ(cached.load(true).pack_cache().use, PackCacheUse::kHit);
  const GgufFile file = GgufFile::open(cached.model());
  const std::uint64_t size = file.part(0).size();
  const std::uint64_t step = (size - 4096) / 63;
  ASSERT_GT(step, 8192u);
  const GgufTensor& matrix = *file.find_tensor("blk.0.ffn_up.weight");
  const std::uint64_t sample = (matrix.offset / step + 1) * step;
  const std::uint64_t between = (sample + 6000) / 4 * 4;
  ASSERT_LT(between + 4, matrix.offset + matrix.bytes);
  patch_quietly(cached.model(), between, std::string(4, '\x3e'));
  EXPECT_EQ(cached.load().pack_cache().use, PackCacheUse::kHit);
  const Model reference = Model::load(cached.model(), {.threads = 1});
  EXPECT_TRUE(is_packed_anew(cached, reference, "have changed since they were packed", true));
}

TEST(PackCache, FilesCutAnywhereAreReplaced) {
  const Cached cached;
  const Model reference = Model::load(cached.model(), {.threads = 1});
  cached.load();
  const std::string path = cached.cache();
  const std::string whole = bytes_of(path);
  const std::size_t data = whole.size() - reference.info().weight_bytes;
  std::vector<std::size_t> sizes = {data - 1, data, data + 1, data + 4096, whole.size() - 1};
  for (std::size_t size = 0; size <= kHeaderBytes + 8; size += 4) sizes.push_back(size);
  for (const std::size_t size : sizes) {
    write_bytes(path, whole.substr(0, size));
    EXPECT_TRUE(is_packed_anew(cached, reference, "expected ")) << size;
    EXPECT_EQ(bytes_of(path), whole) << size;
  }
  write_bytes(path, whole + "x");
  EXPECT_TRUE(is_packed_anew(cached, reference, "size of the file"));
}

TEST(PackCache, EveryByteOfTheHeaderCounts) {
  const Cached cached;
  const Model reference = Model::load(cached.model(), {.threads = 1});
  cached.load();
  const std::string path = cached.cache();
  const std::string whole = bytes_of(path);
  for (std::size_t i = 0; i < kHeaderBytes; ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    write_bytes(path, damaged);
    const char* field = i < 8 ? "magic" : i < 16 ? "version" : "checksum of the header";
    EXPECT_TRUE(is_packed_anew(cached, reference, field)) << i;
  }
}

/// Whoever writes the file can also write the checksum of its header.
TEST(PackCache, HeadersThatLieAreReplaced) {
  const Cached cached;
  const Model reference = Model::load(cached.model(), {.threads = 1});
  cached.load();
  const std::string path = cached.cache();
  const std::string whole = bytes_of(path);
  const char* const fields[] = {"magic",    "version", "bytes in all", "fingerprint", "start of",
                                "bytes of", nullptr,   nullptr,        "reserved"};
  for (std::size_t field = 0; field < std::size(fields); ++field) {
    if (fields[field] == nullptr) continue;  // the two hashes of the weights
    for (const std::uint64_t value : {std::uint64_t{0} - 1, std::uint64_t{1} << 63, std::uint64_t{12345}}) {
      std::string forged = whole;
      std::memcpy(forged.data() + 8 * field, &value, 8);
      const std::uint64_t sum = hash_bytes(forged.data(), kHeaderBytes - 8);
      std::memcpy(forged.data() + kHeaderBytes - 8, &sum, 8);
      write_bytes(path, forged);
      EXPECT_TRUE(is_packed_anew(cached, reference, fields[field])) << value;
    }
  }
}

TEST(PackCache, OtherThingsInItsPlace) {
  const Cached cached;
  const Model reference = Model::load(cached.model(), {.threads = 1});
  cached.load();
  const std::string path = cached.cache();
  const std::string whole = bytes_of(path);
  std::string garbage(whole.size(), '\0');
  for (std::size_t i = 0; i < garbage.size(); ++i) garbage[i] = static_cast<char>(i * 2654435761u >> 13);
  for (const std::string& content : {std::string(), garbage, std::string(whole.size(), '\0')}) {
    write_bytes(path, content);
    EXPECT_TRUE(is_packed_anew(cached, reference, "expected "));
  }
  // The cache of another model under this one's name.
  const Cached other(good("gpt2"));
  other.load();
  fs::copy_file(other.cache(), path, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(is_packed_anew(cached, reference, "fingerprint"));
  // A link to nowhere is replaced, not followed.
  fs::remove(path);
  fs::create_symlink("nowhere", path);
  EXPECT_TRUE(is_packed_anew(cached, reference, "cannot be opened"));
  // What is no file is neither read nor replaced.
  for (const bool pipe : {true, false}) {
    fs::remove_all(path);
    if (pipe) {
      ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    } else {
      fs::create_directory(path);
    }
    const Model model = cached.load();
    EXPECT_EQ(model.pack_cache().use, PackCacheUse::kFailed);
    EXPECT_NE(model.pack_cache().reason.find("regular file"), std::string::npos) << model.pack_cache().reason;
    EXPECT_TRUE(equal_bits(all_logits(reference, kTokens), all_logits(model, kTokens)));
  }
}

TEST(PackCache, CheckTensorsFindsAFlippedByte) {
  const Cached cached;
  const Model reference = Model::load(cached.model(), {.threads = 1});
  cached.load();
  const std::string path = cached.cache();
  const std::string whole = bytes_of(path);
  const std::size_t data = whole.size() - reference.info().weight_bytes;
  for (const std::size_t at : {data, data + 12345, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    write_bytes(path, damaged);
    EXPECT_EQ(cached.load().pack_cache().use, PackCacheUse::kHit) << "not looked at";
    EXPECT_TRUE(is_packed_anew(cached, reference, "checksum of the weights", true)) << at;
  }
}

/// Weights of a hostile file may be anything: whatever comes out is an error or finite.
TEST(PackCache, HostileWeightsDoNoHarm) {
  for (const char* weights : {"f32", "f16", "bf16", "q8_0", "q4_0"}) {
    const Cached cached(TinyOptions{.weights = weights});
    const Model first = cached.load();
    const std::string whole = bytes_of(cached.cache());
    const std::size_t data = whole.size() - first.info().weight_bytes;
    for (const char fill : {'\xff', '\x7f', '\x7c', '\x00'}) {
      write_bytes(cached.cache(), whole.substr(0, data) + std::string(whole.size() - data, fill));
      const Model model = cached.load();
      EXPECT_EQ(model.pack_cache().use, PackCacheUse::kHit);
      EXPECT_TRUE(runs(model)) << weights;
    }
  }
}

TEST(PackCache, FoldersThatCannotBeWritten) {
  const TinyFile file(TinyOptions{});
  const TempDir dir;
  std::ofstream(dir.file("file")) << "no folder";
  const Model reference = Model::load(file.path(), {.threads = 1});
  std::vector<std::string> folders = {dir.file("file"), dir.file("file/below"),
                                      dir.file(std::string(300, 'x')), "/proc/no-such-folder"};
  if (::geteuid() != 0) {  // to whom everything is writable
    ASSERT_EQ(::mkdir(dir.file("closed").c_str(), 0500), 0);
    folders.push_back(dir.file("closed"));
  }
  for (const std::string& folder : folders) {
    const Model model = Model::load(file.path(), {.threads = 2, .pack_cache = folder});
    EXPECT_EQ(model.pack_cache().use, PackCacheUse::kFailed) << folder;
    EXPECT_NE(model.pack_cache().reason.find(folder), std::string::npos) << model.pack_cache().reason;
    EXPECT_EQ(model.fingerprint(), reference.fingerprint());
    EXPECT_TRUE(equal_bits(all_logits(reference, kTokens), all_logits(model, kTokens)));
  }
  EXPECT_EQ(error_of([&] { Model::load(file.path(), {.pack_cache = std::string("a\0b", 3)}); }),
            ErrorCode::kArgument);
}

/// A limit on the size of files stands for a disk that becomes full while the file is written.
TEST(PackCache, AFullDisk) {
  const Cached cached;
  const Model reference = Model::load(cached.model(), {.threads = 1});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit low{100000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const Model model = cached.load();
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(model.pack_cache().use, PackCacheUse::kFailed);
  EXPECT_NE(model.pack_cache().reason.find("cannot be written"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(cached.folder())) << "nothing remains";
  EXPECT_TRUE(equal_bits(all_logits(reference, kTokens), all_logits(model, kTokens)));
  EXPECT_EQ(cached.load().pack_cache().use, PackCacheUse::kWritten);
}

TEST(PackCache, FoldersAreMade) {
  const TinyFile file(TinyOptions{});
  const TempDir dir;
  const std::string folder = dir.file("a/b/c");
  for (const PackCacheUse use : {PackCacheUse::kWritten, PackCacheUse::kHit}) {
    EXPECT_EQ(Model::load(file.path(), {.pack_cache = folder}).pack_cache().use, use);
  }
  // The same file by another path, and with a slash behind the folder.
  const fs::path link = dir.path() / "link.gguf";
  fs::create_symlink(file.path(), link);
  EXPECT_EQ(Model::load(link.string(), {.pack_cache = folder + "/"}).pack_cache().use, PackCacheUse::kHit);
}

/// The mapping stays when its file is replaced or removed.
TEST(PackCache, TheFilesMayGo) {
  const Cached cached;
  const Model reference = cached.load();
  const Model hit = cached.load();
  ASSERT_EQ(hit.pack_cache().use, PackCacheUse::kHit);
  fs::remove(cached.model());
  fs::remove_all(cached.folder());
  EXPECT_TRUE(equal_bits(all_logits(reference, kTokens), all_logits(hit, kTokens)));
}

TEST(PackCache, ManyLoadsAtOnce) {
  const Cached cached(TinyOptions{.vocabulary = TinyVocabulary::kByteLevel});
  const Model reference = Model::load(cached.model(), {.threads = 1});
  const auto expected = all_logits(reference, kTokens);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0}, hits{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        const Model model = cached.load(i % 2 == 1, 2);
        const PackCacheUse use = model.pack_cache().use;
        if (use != PackCacheUse::kHit && use != PackCacheUse::kWritten) ++wrong;
        if (use == PackCacheUse::kHit) ++hits;
        if (model.fingerprint() != reference.fingerprint()) ++wrong;
        if (!equal_bits(expected, all_logits(model, kTokens))) ++wrong;
        if (model.tokenizer().size() != reference.tokenizer().size()) ++wrong;
        // Now and then the others find nothing.
        std::error_code ignored;
        if (t == 0 && i % 3 == 0) fs::remove(model.pack_cache().path, ignored);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(hits, 0);
  cached.load();
  cached.cache();  // one file, no remains of others
}

TEST(PackCache, SplitFiles) {
  const TinyModel tiny = good();
  for (const std::size_t in_first : {std::size_t{1}, std::size_t{9}}) {
    const TempDir dir;
    write_split(tiny, dir, in_first);
    const std::string path = dir.file(part_name(0));
    const std::string folder = dir.file("cache");
    const auto load = [&] { return Model::load(path, {.threads = 2, .pack_cache = folder}); };
    const auto expected = all_logits(Model::load(path, {.threads = 1}), kTokens);
    for (const PackCacheUse use : {PackCacheUse::kWritten, PackCacheUse::kHit}) {
      const Model model = load();
      EXPECT_EQ(model.pack_cache().use, use) << model.pack_cache().reason;
      EXPECT_TRUE(equal_bits(expected, all_logits(model, kTokens)));
    }
    // A change of any part.
    for (std::size_t part = 0; part < 2; ++part) {
      const std::string name = dir.file(part_name(part));
      fs::last_write_time(name, fs::last_write_time(name) + std::chrono::nanoseconds(1000));
      EXPECT_EQ(load().pack_cache().use, PackCacheUse::kWritten) << part;
      EXPECT_EQ(load().pack_cache().use, PackCacheUse::kHit) << part;
      patch_quietly(name, fs::file_size(name) - 4, std::string(4, '\x3e'));
      const Model model = load();
      EXPECT_EQ(model.pack_cache().use, PackCacheUse::kWritten) << part;
      EXPECT_EQ(model.fingerprint(), Model::load(path).fingerprint());
    }
  }
}

TEST(PackCache, ProgressRisesToOne) {
  const Cached cached;
  for (const PackCacheUse use : {PackCacheUse::kWritten, PackCacheUse::kHit}) {
    std::vector<double> shares;
    const Model model = Model::load(cached.model(), {.threads = 2,
                                                     .progress = [&](double done) { shares.push_back(done); },
                                                     .pack_cache = cached.folder(),
                                                     .check_tensors = true});
    EXPECT_EQ(model.pack_cache().use, use);
    ASSERT_FALSE(shares.empty());
    EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
    EXPECT_EQ(shares.back(), 1);
  }
}

TEST(PackCache, Cancelled) {
  const Cached cached;
  const auto cancel_at = [&](double share) {
    std::stop_source source;
    if (share == 0) source.request_stop();
    const auto progress = [&](double done) {
      if (done >= share) source.request_stop();
    };
    return error_of([&] {
      Model::load(
          cached.model(),
          {.threads = 1, .progress = progress, .stop = source.get_token(), .pack_cache = cached.folder()});
    });
  };
  EXPECT_EQ(cancel_at(0), ErrorCode::kCancelled);
  EXPECT_EQ(cancel_at(0.5), ErrorCode::kCancelled) << "packed, not yet written";
  EXPECT_TRUE(!fs::exists(cached.folder()) || fs::is_empty(cached.folder()));
  cached.load();
  EXPECT_EQ(cancel_at(0), ErrorCode::kCancelled) << "although it would be quick";
  // A callback that throws leaves nothing behind either.
  fs::remove(cached.cache());
  const auto throwing = [](double done) {
    if (done > 0.5) throw std::string("no");
  };
  EXPECT_THROW(
      Model::load(cached.model(), {.threads = 1, .progress = throwing, .pack_cache = cached.folder()}),
      std::string);
  EXPECT_TRUE(fs::is_empty(cached.folder()));
}

}  // namespace
}  // namespace garam::test
