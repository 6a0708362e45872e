// Session files: what save() writes and load() reads back. Little-endian:
//   8 bytes   "GARAMKV1"
//   u64       model fingerprint
//   u64 x 8   KV type (2 f16, 4 f32, 8 q8_0), layers, kv heads, key dim, value dim, window, length, dropped
//   pages i32       [length] tokens bytes     [pages - dropped] pages as they lie in memory; where layers
//   with a window have pages of their own,
//             [pages] pages of the other layers, then [pages - dropped] of these
//   u64       hash of everything before it
// A file is untrusted: its size must be exactly what the session's own layout says, ids must be in range, and
// every stored K and V finite, since masked keys rely on that.
#include <array>
#include <bit>
#include <cstring>

#include "base/checked.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "model/session_impl.h"

namespace garam {
namespace {

static_assert(std::endian::native == std::endian::little, "session files are written as memory lies");

constexpr char kMagic[8] = {'G', 'A', 'R', 'A', 'M', 'K', 'V', '1'};

struct Header {
  char magic[8];
  std::uint64_t fingerprint;
  std::uint64_t kv_type, layers, kv_heads, key_dim, value_dim, window;
  std::uint64_t length, dropped;
};
static_assert(sizeof(Header) == 80);

std::uint64_t kv_type_number(KvType type) {
  return type == KvType::kF16 ? 2 : type == KvType::kF32 ? 4 : 8;
}

std::string kv_type_name(std::uint64_t number) {
  for (const KvType type : {KvType::kF16, KvType::kF32, KvType::kQ8_0}) {
    if (number == kv_type_number(type)) return std::string(to_string(type));
  }
  return formatted("number {}", number);
}

Header make_header(const Session::Impl& s) {
  const ops::KvLayout& kv = s.kv.layout();
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.fingerprint = s.model.fingerprint();
  h.kv_type = kv_type_number(s.options.kv_type);
  h.layers = kv.layers;
  h.kv_heads = kv.kv_heads;
  h.key_dim = kv.key_dim;
  h.value_dim = kv.value_dim;
  h.window = static_cast<std::uint64_t>(s.model.impl().architecture->config().kv_window());
  h.length = s.tokens.size();
  h.dropped = s.kv.dropped();
  return h;
}

/// Throws unless the file's header describes this model and these options.
void check_header(const std::string& path, const Header& found, const Header& own, std::size_t context) {
  const auto expect = [&](const char* field, const auto& expected, const auto& value) {
    if (expected == value) return;
    fail(ErrorCode::kFormat,
         "{}: {}: expected {}, found {}; the session was saved with another model, other adapters or other "
         "options",
         path, field, expected, value);
  };
  if (std::memcmp(found.magic, kMagic, sizeof kMagic) != 0) {
    fail(ErrorCode::kFormat, "{}: expected a garam session file, found another magic", path);
  }
  expect("model fingerprint", own.fingerprint, found.fingerprint);
  expect("KV type", kv_type_name(own.kv_type), kv_type_name(found.kv_type));
  expect("layers", own.layers, found.layers);
  expect("kv heads", own.kv_heads, found.kv_heads);
  expect("key dimension", own.key_dim, found.key_dim);
  expect("value dimension", own.value_dim, found.value_dim);
  expect("sliding window", own.window, found.window);
  if (found.length > context) {
    fail(ErrorCode::kContextFull, "{}: length: expected at most the session's context of {}, found {}", path,
         context, found.length);
  }
}

/// Pages dropped by a session of this length and window, the largest number that can be.
std::uint64_t most_dropped(const Header& h) {
  const std::uint64_t keep = h.window + kernels::kChunkPositions + kRollbackMargin;
  return h.window == 0 || h.length <= keep ? 0 : (h.length - keep) / kernels::kPagePositions;
}

std::uint64_t page_count(std::uint64_t length) {
  return (length + kernels::kPagePositions - 1) / kernels::kPagePositions;
}

/// Pages of one kind, in the order of positions, without those that are dropped.
struct Pages {
  std::span<std::byte* const> addresses;
  std::size_t bytes;
};

std::array<Pages, 2> kept_pages(const KvSequence& kv, std::size_t length, std::size_t dropped) {
  const ops::KvLayout& layout = kv.layout();
  const std::size_t count = page_count(length);
  const bool two_kinds = layout.windowed > 0;
  const auto pages = kv.pages().first(count).subspan(two_kinds ? 0 : dropped);
  const auto windowed = two_kinds ? kv.windowed_pages().first(count).subspan(dropped) : kv.windowed_pages();
  return {Pages{pages, layout.page_bytes()}, Pages{windowed, layout.windowed_page_bytes()}};
}

/// Of a file with this header; nothing when that does not fit 64 bits.
std::optional<std::uint64_t> file_bytes(const Header& h, const ops::KvLayout& layout) {
  const std::uint64_t count = page_count(h.length);
  const auto pages = checked_mul(layout.windowed > 0 ? count : count - h.dropped, layout.page_bytes());
  const auto windowed = checked_mul(count - h.dropped, layout.windowed_page_bytes());
  const auto payload = pages && windowed ? checked_add(*pages, *windowed) : std::nullopt;
  const auto rest = sizeof h + h.length * sizeof(std::int32_t) + sizeof(std::uint64_t);
  return payload ? checked_add(*payload, rest) : std::nullopt;
}

template <typename Word, Word kExponent>
bool finite_words(const std::byte* data, std::size_t bytes) {
  bool finite = true;
  for (std::size_t i = 0; i < bytes; i += sizeof(Word)) {
    Word word;
    std::memcpy(&word, data + i, sizeof word);
    finite &= (word & kExponent) != kExponent;
  }
  return finite;
}

bool finite_f16(const std::byte* data, std::size_t bytes) {
  return finite_words<std::uint16_t, 0x7c00>(data, bytes);
}

/// Of q8_0 only the scales can be infinite or NaN.
bool finite_page(const std::byte* page, std::size_t bytes, const ops::KvLayout& kv) {
  using kernels::KvFormat;
  if (kv.format == KvFormat::kF16) return finite_f16(page, bytes);
  if (kv.format == KvFormat::kF32) return finite_words<std::uint32_t, 0x7f800000>(page, bytes);
  bool finite = true;
  for (const std::byte* head = page; head < page + bytes; head += kv.k_bytes() + kv.v_bytes()) {
    finite &= finite_f16(head, kernels::kv_scale_bytes(kv.format, kv.key_dim)) &&
              finite_f16(head + kv.k_bytes(), kernels::kv_scale_bytes(kv.format, kv.value_dim));
  }
  return finite;
}

/// Runs over a file front to back, hashing what passes.
class HashedReader {
 public:
  explicit HashedReader(const std::string& path) : file_(ReadFile::open(path)) {}
  std::uint64_t size() const { return file_.size(); }
  std::uint64_t hash() const { return hash_; }
  void read(void* data, std::size_t bytes) {
    file_.read(offset_, {static_cast<std::byte*>(data), bytes});
    offset_ += bytes;
    hash_ = hash_bytes(data, bytes, hash_);
  }

 private:
  ReadFile file_;
  std::uint64_t offset_ = 0;
  std::uint64_t hash_ = 0;
};

class HashedWriter {
 public:
  explicit HashedWriter(const std::string& path) : file_(path) {}
  void write(const void* data, std::size_t bytes) {
    file_.write({static_cast<const std::byte*>(data), bytes});
    hash_ = hash_bytes(data, bytes, hash_);
  }
  void finish() {
    const std::uint64_t hash = hash_;
    write(&hash, sizeof hash);
    file_.commit();
  }

 private:
  AtomicFile file_;
  std::uint64_t hash_ = 0;
};

}  // namespace

void Session::save(const std::string& path) const {
  const Impl& s = *impl_;
  HashedWriter out(path);
  const Header header = make_header(s);
  out.write(&header, sizeof header);
  out.write(s.tokens.data(), s.tokens.size() * sizeof(std::int32_t));
  for (const Pages& pages : kept_pages(s.kv, s.tokens.size(), s.kv.dropped())) {
    for (std::byte* page : pages.addresses) out.write(page, pages.bytes);
  }
  out.finish();
}

void Session::load(const std::string& path) {
  Impl& s = *impl_;
  HashedReader in(path);
  Header header{};
  if (in.size() < sizeof header) {
    fail(ErrorCode::kFormat, "{}: expected at least {} bytes, found {}; the file is cut short", path,
         sizeof header, in.size());
  }
  in.read(&header, sizeof header);
  check_header(path, header, make_header(s), s.options.context);
  if (header.dropped > most_dropped(header)) {
    fail(ErrorCode::kFormat, "{}: dropped pages: expected at most {}, found {}", path, most_dropped(header),
         header.dropped);
  }
  const auto expected = file_bytes(header, s.kv.layout());
  if (!expected || *expected != in.size()) {
    fail(ErrorCode::kFormat, "{}: expected {} bytes for {} tokens, found {}; the file is damaged", path,
         expected.value_or(0), header.length, in.size());
  }

  std::vector<std::int32_t> tokens(header.length);
  in.read(tokens.data(), tokens.size() * sizeof(std::int32_t));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && static_cast<std::size_t>(tokens[i]) < s.model.info().vocab) continue;
    fail(ErrorCode::kFormat, "{}: token {}: expected an id below {}, found {}", path, i, s.model.info().vocab,
         tokens[i]);
  }
  KvSequence kv = s.kv;
  kv.restore(header.length, header.dropped);
  for (const Pages& pages : kept_pages(kv, header.length, header.dropped)) {
    for (std::byte* page : pages.addresses) {
      in.read(page, pages.bytes);
      if (finite_page(page, pages.bytes, kv.layout())) continue;
      fail(ErrorCode::kFormat,
           "{}: expected finite keys and values, found infinity or NaN; the file is damaged", path);
    }
  }
  const std::uint64_t hash = in.hash();
  std::uint64_t stored = 0;
  in.read(&stored, sizeof stored);
  if (stored != hash) {
    fail(ErrorCode::kFormat, "{}: checksum: expected {:016x}, found {:016x}; the file is damaged", path,
         stored, hash);
  }
  s.kv = std::move(kv);
  s.tokens = std::move(tokens);
  s.forget_logits();
}

}  // namespace garam
