// Opening: one part after the other, then what only all parts together can tell.
#include "io/gguf.h"

#include <algorithm>
#include <iterator>

#include "base/fail.h"
#include "base/hash.h"
#include "base/printable.h"
#include "io/gguf_parse.h"
#include "io/gguf_rules.h"
#include "io/gguf_split.h"

namespace garam {
namespace {

constexpr std::string_view kSplitNo = "split.no";
constexpr std::string_view kSplitCount = "split.count";
constexpr std::string_view kSplitTensors = "split.tensors.count";

/// An integer key of a part, before there is a GgufFile to ask.
std::optional<std::uint64_t> integer_key(const std::string& path, const std::vector<GgufKey>& keys,
                                         std::string_view name) {
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const GgufKey& k) { return k.name == name; });
  if (key == keys.end()) return std::nullopt;
  return std::visit(
      [&](const auto& value) -> std::uint64_t {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
          if (std::in_range<std::uint64_t>(value)) return static_cast<std::uint64_t>(value);
        }
        fail(ErrorCode::kFormat, "{}: key {}: expected an integer from 0 on, found {}", path, name,
             describe(key->value));
      },
      key->value);
}

void expect_integer(const std::string& path, const std::vector<GgufKey>& keys, std::string_view name,
                    std::uint64_t expected) {
  const auto found = integer_key(path, keys, name);
  if (found == expected) return;
  fail(ErrorCode::kFormat,
       "{}: key {}: expected {}, found {}; the parts are not of one model, download them again", path, name,
       expected, found ? std::to_string(*found) : "no such key");
}

/// Keys of later parts are not shown to anybody; one that says something new would be ignored in silence.
void refuse_new_keys(const std::string& path, const std::vector<GgufKey>& first,
                     const std::vector<GgufKey>& keys) {
  const NameIndex index(first);
  for (const GgufKey& key : keys) {
    if (key.name == kSplitNo || key.name == kGgufAlignmentKey) continue;
    const GgufKey* same = index.find(first, key.name);
    if (same != nullptr && same->value == key.value) continue;
    fail(ErrorCode::kFormat,
         "{}: key {}: expected only keys that the first part has with the same value, found {}", path,
         printable(key.name), describe(key.value));
  }
}

/// The name of the first part, checked against what its keys say. Throws unless it is the first of `count`.
SplitName first_part_name(const std::string& path, std::uint64_t part, std::uint64_t count) {
  if (count > kGgufMaxParts) {
    fail(ErrorCode::kFormat, "{}: key {}: expected at most {} parts, found {}", path, kSplitCount,
         kGgufMaxParts, count);
  }
  const auto name = parse_split_name(path);
  if (part != 0) {
    fail(ErrorCode::kFormat, "{}: key {}: expected 0, the first part, found {}; open {} instead", path,
         kSplitNo, part, name ? split_name(name->prefix, 1, name->count) : "the first part");
  }
  if (!name || name->part != 1 || name->count != count) {
    fail(
        ErrorCode::kFormat,
        "{}: file name: expected one that ends in {}, since the file is the first part of {}, found another; "
        "give all parts the names they had",
        path, split_name("", 1, static_cast<std::uint32_t>(count)), count);
  }
  return *name;
}

}  // namespace

GgufFile GgufFile::open(const std::string& path) {
  return open(ReadFile::open(path));
}

GgufFile GgufFile::open(ReadFile file) {
  GgufFile result;
  GgufHeader header = parse_gguf_header(file);
  result.parts_.push_back(std::move(file));
  result.metadata_ends_.push_back(header.metadata_end);
  result.version_ = header.version;
  result.keys_ = std::move(header.keys);
  result.tensors_ = std::move(header.tensors);
  result.key_index_ = NameIndex(result.keys_);
  result.add_parts();
  result.tensor_index_ = NameIndex(result.tensors_);
  if (const auto pair = result.tensor_index_.duplicate(result.tensors_)) {
    const GgufTensor& twice = result.tensors_[pair->second];
    fail(ErrorCode::kFormat, "{}: tensor {}: expected each name once, found it also in {}",
         result.part_path(twice.file), printable(twice.name),
         result.part_path(result.tensors_[pair->first].file));
  }
  return result;
}

void GgufFile::add_parts() {
  const std::uint64_t part = integer_key(path(), keys_, kSplitNo).value_or(0);
  const std::uint64_t count = integer_key(path(), keys_, kSplitCount).value_or(part == 0 ? 1 : 0);
  if (count <= 1 && part == 0) return;
  if (parts_.front().in_memory()) {
    fail(ErrorCode::kUnsupported,
         "{}: key {}: expected a whole model in memory, found part {} of {}; merge the parts, or load the "
         "files",
         path(), kSplitCount, part + 1, count);
  }
  const SplitName name = first_part_name(path(), part, count);
  for (std::uint32_t i = 1; i < count; ++i) {
    const std::string next = split_name(name.prefix, i + 1, name.count);
    std::optional<ReadFile> file;
    try {
      file.emplace(ReadFile::open(next));
    } catch (const Error& error) {
      fail(error.code(), "{}: expected {} parts beside each other: {}", path(), count, error.what());
    }
    GgufHeader header = parse_gguf_header(*file);
    expect_integer(next, header.keys, kSplitNo, i);
    expect_integer(next, header.keys, kSplitCount, count);
    refuse_new_keys(next, keys_, header.keys);
    for (GgufTensor& tensor : header.tensors) tensor.file = i;
    std::move(header.tensors.begin(), header.tensors.end(), std::back_inserter(tensors_));
    parts_.push_back(std::move(*file));
    metadata_ends_.push_back(header.metadata_end);
  }
  expect_integer(path(), keys_, kSplitTensors, tensors_.size());
}

void GgufFile::read(const GgufTensor& tensor, std::uint64_t offset_in_tensor,
                    std::span<std::byte> out) const {
  check_range(tensor, offset_in_tensor, out.size());
  parts_.at(tensor.file).read(tensor.offset + offset_in_tensor, out);
}

std::string GgufFile::origin(const GgufTensor& tensor) const {
  return formatted("{}: tensor {}", part_path(tensor.file), printable(tensor.name));
}

std::uint64_t GgufFile::metadata_hash() const {
  std::uint64_t hash = 0;
  std::vector<std::byte> buffer;
  for (std::size_t part = 0; part < part_count(); ++part) {
    buffer.resize(metadata_end(part));
    read_raw(part, 0, buffer);
    hash = hash_mix(hash, hash_bytes(buffer.data(), buffer.size()));
  }
  return hash;
}

}  // namespace garam
