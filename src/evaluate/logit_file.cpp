// Writing, and reading with suspicion.
#include "evaluate/logit_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/printable.h"

namespace garam {
namespace {

static_assert(std::endian::native == std::endian::little, "logit files are written as memory lies");

constexpr char kMagic[8] = {'G', 'A', 'R', 'A', 'M', 'K', 'L', '1'};
constexpr std::size_t kMaxVocab = std::size_t{1} << 23;  // as check_logits()
constexpr std::uint64_t kMaxTokens = (std::uint64_t{1} << 31) - 1;

struct Header {
  char magic[8];
  std::uint64_t vocab, chunk, stride, chunks, tokens;
  std::int64_t bos;
};
static_assert(sizeof(Header) == 56);

Header to_bytes(const SavedLogits& saved) {
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.vocab = saved.vocab;
  h.chunk = saved.chunk;
  h.stride = saved.stride;
  h.chunks = saved.chunks;
  h.tokens = saved.tokens.size();
  h.bos = saved.bos ? *saved.bos : -1;
  return h;
}

void check_magic(const std::string& path, const Header& h) {
  constexpr std::size_t kName = sizeof kMagic - 1;
  if (std::memcmp(h.magic, kMagic, kName) != 0) {
    fail(ErrorCode::kFormat, "{}: expected a file of saved logits (GARAMKL), found another magic", path);
  }
  if (h.magic[kName] != kMagic[kName]) {
    fail(ErrorCode::kUnsupported, "{}: version: expected {}, found {}; save the logits again", path,
         kMagic[kName], printable({&h.magic[kName], 1}));
  }
}

void check_numbers(const std::string& path, const Header& h) {
  const auto expect = [&](bool holds, const char* field, const char* expected, auto found) {
    if (!holds) fail(ErrorCode::kFormat, "{}: {}: expected {}, found {}", path, field, expected, found);
  };
  expect(h.vocab >= 1 && h.vocab <= kMaxVocab, "vocabulary", "1 to 2^23 tokens", h.vocab);
  expect(are_chunk_options(h.chunk, 0), "chunk", "3 to 2^30 tokens", h.chunk);
  expect(are_chunk_options(h.chunk, h.stride), "stride", "less than a chunk", h.stride);
  expect(h.chunks >= 1 && h.chunks <= kMaxTokens, "chunks", "1 to 2^31 - 1", h.chunks);
  expect(h.tokens <= kMaxTokens, "tokens", "at most 2^31 - 1", h.tokens);
  expect(h.bos >= -1 && h.bos < static_cast<std::int64_t>(h.vocab), "BOS", "-1 or an id of the vocabulary",
         h.bos);
}

/// Bytes of a file with this header, whose numbers are in range; nothing when they do not fit.
std::optional<std::uint64_t> expected_bytes(const Header& h, const ChunkPlan& plan) {
  const auto rows = checked_mul(plan.scored(), h.vocab * sizeof(float));  // below 2^30 * 2^25
  const auto chunk = rows ? checked_add(*rows, sizeof(std::uint64_t)) : std::nullopt;
  const auto chunks = chunk ? checked_mul(*chunk, h.chunks) : std::nullopt;
  return chunks ? checked_add(*chunks, sizeof h + h.tokens * sizeof(std::int32_t) + sizeof(std::uint64_t))
                : std::nullopt;
}

void check_size(const std::string& path, const Header& h, std::uint64_t found) {
  // As many tokens as the chunks need at least and no more: one chunk is planned, the others follow from it.
  ChunkPlan plan = plan_chunks(2 * static_cast<std::size_t>(h.chunk), h.chunk, h.stride, 1);
  plan.chunks = h.chunks;
  if (plan.covered() != h.tokens) {
    fail(ErrorCode::kFormat, "{}: tokens: expected {} for {} chunks, found {}; the file is damaged", path,
         plan.covered(), h.chunks, h.tokens);
  }
  const auto expected = expected_bytes(h, plan);
  if (!expected || *expected != found) {
    fail(ErrorCode::kFormat, "{}: expected {} bytes, found {}; the file is cut short or damaged", path,
         expected ? std::to_string(*expected) : "more than 2^64", found);
  }
}

}  // namespace

LogitFileWriter::LogitFileWriter(const std::string& path, const SavedLogits& header)
    : file_(path), vocab_(header.vocab) {
  const Header h = to_bytes(header);
  append(&h, sizeof h);
  append(header.tokens.data(), header.tokens.size() * sizeof(std::int32_t));
  file_.write(std::as_bytes(std::span(&hash_, 1)));
}

void LogitFileWriter::append(const void* data, std::size_t bytes) {
  file_.write({static_cast<const std::byte*>(data), bytes});
  hash_ = hash_bytes(data, bytes, hash_);
}

void LogitFileWriter::write_rows(std::span<const float> rows) {
  file_.write(std::as_bytes(rows));
  for (; !rows.empty(); rows = rows.subspan(vocab_)) {
    hash_ = hash_bytes(rows.data(), vocab_ * sizeof(float), hash_);
  }
}

void LogitFileWriter::end_chunk() {
  file_.write(std::as_bytes(std::span(&hash_, 1)));
}

LogitFileReader::LogitFileReader(const std::string& path) : file_(ReadFile::open(path)) {
  Header h{};
  if (file_.size() < sizeof h) {
    fail(ErrorCode::kFormat,
         "{}: expected at least {} bytes, found {}; no file of saved logits, or cut short", path, sizeof h,
         file_.size());
  }
  take(&h, sizeof h);
  check_magic(path, h);
  check_numbers(path, h);
  check_size(path, h, file_.size());
  header_.tokens.resize(h.tokens);
  take(header_.tokens.data(), header_.tokens.size() * sizeof(std::int32_t));
  check_hash("header and tokens");
  for (std::size_t i = 0; i < header_.tokens.size(); ++i) {
    const std::int32_t token = header_.tokens[i];
    if (token >= 0 && static_cast<std::uint64_t>(token) < h.vocab) continue;
    fail(ErrorCode::kFormat, "{}: token {}: expected an id below {}, found {}", path, i, h.vocab, token);
  }
  header_.vocab = h.vocab;
  header_.chunk = h.chunk;
  header_.stride = h.stride;
  header_.chunks = h.chunks;
  if (h.bos >= 0) header_.bos = static_cast<std::int32_t>(h.bos);
}

void LogitFileReader::take(void* data, std::size_t bytes) {
  file_.read(offset_, {static_cast<std::byte*>(data), bytes});
  offset_ += bytes;
  hash_ = hash_bytes(data, bytes, hash_);
}

void LogitFileReader::check_hash(const std::string& what) {
  std::uint64_t stored = 0;
  file_.read(offset_, std::as_writable_bytes(std::span(&stored, 1)));
  offset_ += sizeof stored;
  if (stored == hash_) return;
  fail(ErrorCode::kFormat, "{}: checksum of {}: expected {:016x}, found {:016x}; the file is damaged",
       file_.path(), what, stored, hash_);
}

void LogitFileReader::check_matches(const SavedLogits& own) const {
  const auto expect = [&](const char* field, auto expected, auto found, const char* why) {
    if (expected == found) return;
    fail(ErrorCode::kArgument, "{}: {}: expected {}, found {}; {}", file_.path(), field, expected, found,
         why);
  };
  constexpr const char* kCut = "the base's logits were saved with other options";
  constexpr const char* kOther = "the base is a model of another vocabulary";
  expect("vocabulary", own.vocab, header_.vocab, kOther);
  expect("BOS", own.bos.value_or(-1), header_.bos.value_or(-1), kOther);
  expect("chunk", own.chunk, header_.chunk, kCut);
  expect("stride", own.stride, header_.stride, kCut);
  expect("chunks", own.chunks, header_.chunks, "the base's logits are of a longer or shorter text");
  const auto differs = std::mismatch(own.tokens.begin(), own.tokens.end(), header_.tokens.begin());
  if (differs.first == own.tokens.end()) return;
  fail(ErrorCode::kArgument, "{}: token {}: expected {}, found {}; the base's logits are of another text",
       file_.path(), differs.first - own.tokens.begin(), *differs.first, *differs.second);
}

void LogitFileReader::read_rows(std::span<float> rows) {
  for (; !rows.empty(); rows = rows.subspan(header_.vocab)) {
    const std::span<float> row = rows.first(header_.vocab);
    take(row.data(), row.size_bytes());
    const auto bad = std::find_if_not(row.begin(), row.end(), [](float x) { return std::isfinite(x); });
    if (bad == row.end()) continue;
    fail(ErrorCode::kFormat, "{}: chunk {}: expected finite logits, found {}; the file is damaged",
         file_.path(), chunk_, *bad);
  }
}

void LogitFileReader::end_chunk() {
  check_hash(formatted("chunk {}", chunk_++));
}

SavedLogits inspect_saved_logits(const std::string& path) {
  return LogitFileReader(path).header();
}

}  // namespace garam
