// The file: a header of 80 bytes, zeros, then the arena as it is, from a multiple of 2 MiB on where it is
// large, so that huge pages can hold it. Files are never changed, only replaced as a whole: other processes
// may have mapped them.
#include "model/pack_cache.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <type_traits>
#include <vector>

#include "base/checked.h"
#include "base/fail.h"
#include "base/hash.h"
#include "model/load_weights.h"
#include "model/pack_fingerprint.h"

namespace garam {
namespace {

constexpr std::uint64_t kMagic = 0x6b6361706d617267;  // "grampack"
constexpr std::uint64_t kVersion = 1;                 // of the header; packing is part of the fingerprint
constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kLargestPage = std::size_t{1} << 16;  // of the systems that garam runs on
constexpr std::size_t kHashedBytes = std::size_t{1} << 20;
constexpr std::size_t kWrittenBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxStem = 64;

struct Header {
  std::uint64_t magic = kMagic;
  std::uint64_t version = kVersion;
  std::uint64_t file_bytes = 0;
  std::uint64_t fingerprint = 0;
  std::uint64_t data_offset = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t matrices = 0;     // Packed::matrices
  std::uint64_t data_hash = 0;    // hash_data()
  std::uint64_t reserved = 0;     // 0
  std::uint64_t header_hash = 0;  // of what is before it
};
static_assert(sizeof(Header) == 80 && std::is_trivially_copyable_v<Header>);

std::uint64_t hash_header(const Header& header) {
  return hash_bytes(&header, offsetof(Header, header_hash));
}

/// All that is known before the file is opened.
Header expected_header(std::uint64_t fingerprint, std::uint64_t data_bytes) {
  Header header;
  header.fingerprint = fingerprint;
  header.data_offset = data_bytes >= kHuge ? kHuge : kLargestPage;
  header.data_bytes = data_bytes;
  const auto end = checked_add(header.data_offset, data_bytes);
  header.file_bytes = end.value_or(0);  // no file is as large as that
  return header;
}

Header read_header(const ReadFile& file, const Header& expected) {
  const auto expect = [&](const char* field, std::uint64_t wanted, std::uint64_t found) {
    if (wanted == found) return;
    fail(ErrorCode::kFormat, "{}: {}: expected {:#x}, found {:#x}", file.path(), field, wanted, found);
  };
  Header header;
  file.read(0, std::as_writable_bytes(std::span(&header, 1)));
  expect("magic", expected.magic, header.magic);
  expect("version", expected.version, header.version);
  expect("checksum of the header", hash_header(header), header.header_hash);
  if (header.fingerprint != expected.fingerprint) {
    fail(ErrorCode::kFormat,
         "{}: fingerprint: expected {:#x}, found {:#x}; it was packed from other weights or by another "
         "version",
         file.path(), expected.fingerprint, header.fingerprint);
  }
  expect("start of the weights", expected.data_offset, header.data_offset);
  expect("bytes of weights", expected.data_bytes, header.data_bytes);
  expect("bytes in all", expected.file_bytes, header.file_bytes);
  expect("reserved", expected.reserved, header.reserved);
  expect("size of the file", expected.file_bytes, file.size());
  return header;
}

/// By all workers.
std::uint64_t hash_data(const Memory& memory, ThreadPool& pool) {
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> sum{0};
  const auto work = [&] {
    for (;;) {
      const std::size_t begin = next.fetch_add(kHashedBytes, std::memory_order_relaxed);
      if (begin >= memory.size()) return;
      const std::size_t bytes = std::min(kHashedBytes, memory.size() - begin);
      sum.fetch_add(hash_bytes(memory.data() + begin, bytes, begin), std::memory_order_relaxed);
    }
  };
  pool.run([](const void* body, unsigned) { (*static_cast<const decltype(work)*>(body))(); }, &work);
  return sum.load();
}

/// One name for one path, so that a model that was changed replaces what was kept of it.
std::string file_name(const std::string& model) {
  std::error_code failed;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(model, failed);
  const std::string text = failed ? model : whole.string();
  std::string stem = (failed ? std::filesystem::path(model) : whole).filename().string().substr(0, kMaxStem);
  for (char& c : stem) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain && c != '.' && c != '-') c = '_';
  }
  return formatted("{}-{:016x}.pack", stem, hash_bytes(text.data(), text.size()));
}

}  // namespace

PackCache::PackCache(const std::string& folder, const ModelFile& file, const Weights& weights,
                     std::uint64_t metadata, std::uint64_t vectors)
    : folder_(folder) {
  if (folder.find('\0') != std::string::npos) {
    fail(ErrorCode::kArgument, "pack_cache: expected the path of a folder, found a NUL byte in it");
  }
  path_ = (std::filesystem::path(folder) / file_name(file.path())).string();
  fingerprint_ = pack_fingerprint(file, weights, metadata, vectors);
  bytes_ = arena_bytes(weights, file.path());
}

std::optional<PackCache::Packed> PackCache::open(bool check, ThreadPool& pool, std::string& reason) const {
  try {
    const ReadFile file = ReadFile::open(path_);
    const Header header = read_header(file, expected_header(fingerprint_, bytes_));
    Packed packed{file.map(header.data_offset, header.data_bytes), header.matrices};
    if (check) {
      const std::uint64_t found = hash_data(packed.arena, pool);
      if (found != header.data_hash) {
        fail(ErrorCode::kFormat, "{}: checksum of the weights: expected {:#x}, found {:#x}", path_,
             header.data_hash, found);
      }
    }
    return packed;
  } catch (const Error& error) {
    reason = error.what();
    return std::nullopt;
  }
}

void PackCache::store(const Memory& arena, std::uint64_t matrices, ThreadPool& pool,
                      const LoadOptions& options) const {
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  if (failed) fail(ErrorCode::kIo, "{}: cannot be made a folder: {}", folder_, failed.message());

  AtomicFile file(path_);
  Header header = expected_header(fingerprint_, bytes_);
  header.matrices = matrices;
  header.data_hash = hash_data(arena, pool);
  header.header_hash = hash_header(header);
  std::vector<std::byte> front(header.data_offset);
  std::memcpy(front.data(), &header, sizeof header);
  file.write(front);
  for (std::size_t begin = 0; begin < arena.size(); begin += kWrittenBytes) {
    if (options.stop.stop_requested()) fail(ErrorCode::kCancelled, "{}: writing was cancelled", path_);
    const std::size_t end = std::min(arena.size(), begin + kWrittenBytes);
    file.write({arena.data() + begin, end - begin});
    if (options.progress) {
      options.progress(0.5 + 0.5 * static_cast<double>(end) / static_cast<double>(arena.size()));
    }
  }
  file.commit();
}

}  // namespace garam
