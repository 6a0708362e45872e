// The two forms of importance files. Both come from strangers: counts are checked before memory is taken.
#include "quantize/importance.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/fail.h"
#include "base/file.h"
#include "base/printable.h"
#include "io/gguf.h"

namespace garam::quant {
namespace {

constexpr std::uint64_t kMaxEntries = 1 << 20, kMaxNameBytes = 1 << 10, kMaxValues = std::uint64_t{1} << 28;

std::vector<float> read_f32(const GgufFile& file, const GgufTensor& tensor) {
  if (tensor.type->name != "f32") {
    fail(ErrorCode::kFormat, "{}: tensor {}: expected f32, found {}", file.path(), tensor.name,
         tensor.type->name);
  }
  if (tensor.bytes / sizeof(float) > kMaxValues) {
    fail(ErrorCode::kFormat, "{}: tensor {}: expected at most {} values, found {}", file.path(), tensor.name,
         kMaxValues, tensor.bytes / sizeof(float));
  }
  std::vector<float> values(tensor.bytes / sizeof(float));
  file.read(tensor, 0, std::as_writable_bytes(std::span(values)));
  return values;
}

/// Of the older form: numbers one after the other.
class OldReader {
 public:
  explicit OldReader(const std::string& path) : file_(ReadFile::open(path)) {}

  std::uint64_t count(const char* what, std::uint64_t limit) {
    std::int32_t value = 0;
    take(std::as_writable_bytes(std::span(&value, 1)));
    if (value < 0 || static_cast<std::uint64_t>(value) > limit) {
      fail(ErrorCode::kFormat, "{}: {} at byte {}: expected 0 to {}, found {}; not an importance matrix",
           file_.path(), what, offset_ - sizeof value, limit, value);
    }
    return static_cast<std::uint64_t>(value);
  }
  void take(std::span<std::byte> out) {
    if (out.size() > file_.size() - offset_) {
      fail(ErrorCode::kFormat, "{}: ends at byte {}, in the middle of an importance matrix", file_.path(),
           file_.size());
    }
    file_.read(offset_, out);
    offset_ += out.size();
  }
  bool at_end() const { return offset_ == file_.size(); }

 private:
  ReadFile file_;
  std::uint64_t offset_ = 0;
};

}  // namespace

void Importance::add(const std::string& tensor, std::vector<float> means) {
  for (const float mean : means) {
    if (std::isfinite(mean) && mean >= 0) continue;
    fail(ErrorCode::kFormat, "{}: importance of {}: expected finite numbers from 0 on, found {}", path_,
         printable(tensor), mean);
  }
  entries_[tensor] = std::move(means);
}

Importance Importance::read(const std::string& path) {
  std::byte magic[4] = {};
  const ReadFile file = ReadFile::open(path);
  if (file.size() >= sizeof magic) file.read(0, magic);
  return std::memcmp(magic, "GGUF", sizeof magic) == 0 ? read_gguf(path) : read_old(path);
}

Importance Importance::read_gguf(const std::string& path) {
  const GgufFile file = GgufFile::open(path);
  const auto type = file.get_or<std::string>("general.type", "");
  if (type != "imatrix") {
    fail(ErrorCode::kFormat,
         "{}: general.type: expected imatrix, found {}; a file of `garam imatrix` is needed", path,
         type.empty() ? "none" : printable(type));
  }
  Importance to;
  to.path_ = path;
  to.chunks_ = file.get_or<std::uint32_t>("imatrix.chunk_count", 0);
  const auto datasets = file.get_or<std::vector<std::string>>("imatrix.datasets", {});
  if (!datasets.empty()) to.dataset_ = datasets.front();
  constexpr std::string_view kSums = ".in_sum2";
  for (const GgufTensor& sums : file.tensors()) {
    if (sums.name.size() <= kSums.size() || !sums.name.ends_with(kSums)) continue;
    const std::string name = sums.name.substr(0, sums.name.size() - kSums.size());
    const GgufTensor* counted = file.find_tensor(name + ".counts");
    if (counted == nullptr) fail(ErrorCode::kFormat, "{}: tensor {}.counts is missing", path, name);
    std::vector<float> means = read_f32(file, sums);
    const std::vector<float> counts = read_f32(file, *counted);
    if (counts.empty() || means.size() % counts.size() != 0) {
      fail(ErrorCode::kFormat, "{}: tensor {}: expected a multiple of {} values, found {}", path, sums.name,
           counts.size(), means.size());
    }
    const std::size_t columns = means.size() / counts.size();
    for (std::size_t i = 0; i < means.size(); ++i) {
      // An expert that no text reached: all its columns count the same.
      means[i] = counts[i / columns] > 0 ? means[i] / counts[i / columns] : 1.0f;
    }
    to.add(name, std::move(means));
  }
  return to;
}

Importance Importance::read_old(const std::string& path) {
  OldReader in(path);
  Importance to;
  to.path_ = path;
  const std::uint64_t entries = in.count("number of entries", kMaxEntries);
  for (std::uint64_t e = 0; e < entries; ++e) {
    std::string name(in.count("length of a name", kMaxNameBytes), '\0');
    in.take(std::as_writable_bytes(std::span(name)));
    const std::uint64_t calls = in.count("number of calls", INT32_MAX);
    const std::uint64_t values = in.count("number of values", kMaxValues);
    std::vector<float> means;
    // In pieces, so that a number that lies costs no memory.
    constexpr std::uint64_t kPiece = 1 << 16;
    while (means.size() < values) {
      const std::size_t at = means.size();
      means.resize(std::min(values, at + kPiece));
      in.take(std::as_writable_bytes(std::span(means).subspan(at)));
    }
    for (float& mean : means) mean = calls > 0 ? mean / static_cast<float>(calls) : 1.0f;
    to.add(name, std::move(means));
  }
  if (!in.at_end()) {
    to.chunks_ = static_cast<std::uint32_t>(in.count("number of chunks", INT32_MAX));
    to.dataset_.resize(in.count("length of a name", kMaxNameBytes));
    in.take(std::as_writable_bytes(std::span(to.dataset_)));
  }
  return to;
}

std::span<const float> Importance::of(const std::string& tensor, std::uint64_t columns,
                                      std::uint64_t matrices, std::uint64_t matrix) const {
  const auto found = entries_.find(tensor);
  if (found == entries_.end()) return {};
  const std::vector<float>& means = found->second;
  // One row for all experts, as files have it where they were not told apart.
  if (means.size() == columns) return means;
  if (means.size() != columns * matrices) {
    fail(ErrorCode::kFormat, "{}: importance of {}: expected {} values, found {}; it is of another model",
         path_, tensor, columns * matrices, means.size());
  }
  return std::span(means).subspan(matrix * columns, columns);
}

}  // namespace garam::quant
