// Straight through the file: magic, version, counts, keys, tensor list; then what only the whole can tell:
// names twice, the alignment, and whether every tensor lies inside the file and beside the others.
#include "io/gguf_parse.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/fail.h"
#include "base/printable.h"
#include "io/bounded_reader.h"
#include "io/gguf_parse_value.h"
#include "io/gguf_rules.h"
#include "io/name_index.h"

namespace garam {
namespace {

constexpr std::size_t kMagicBytes = sizeof kGgufMagic;

void check_magic(BoundedReader& in) {
  char magic[kMagicBytes];
  in.read(std::as_writable_bytes(std::span(magic)), "magic");
  if (std::memcmp(magic, kGgufMagic, kMagicBytes) == 0) return;
  const std::string_view found(magic, kMagicBytes);
  std::string_view hint;
  if (found == "FUGG") hint = "; a big-endian file: convert it to little-endian";
  if (found == "vers") hint = "; if this is a Git LFS pointer, fetch the file itself with git lfs pull";
  if (found == "ggjt" || found == "tjgg" || found == "lmgg" || found == "fmgg") {
    hint = "; a format older than GGUF: convert the model anew";
  }
  fail(ErrorCode::kFormat, "{}: magic: expected \"GGUF\", found \"{}\"{}", in.path(), printable(found), hint);
}

std::uint32_t read_version(BoundedReader& in) {
  const auto version = in.number<std::uint32_t>("version");
  if (version == 2 || version == 3) return version;
  if (version != 0 && (version & 0xffffff) == 0) {
    fail(ErrorCode::kUnsupported,
         "{}: version: expected 2 or 3 in little-endian, found {} in big-endian; convert the file to "
         "little-endian",
         in.path(), version >> 24);
  }
  fail(ErrorCode::kUnsupported, "{}: version: expected 2 or 3, found {}{}", in.path(), version,
       version == 1 ? "; convert the model anew" : "");
}

/// A name, refused with the label of what bears it: "key 7: name", "tensor 3: name".
std::string read_name(BoundedReader& in, const char* kind, std::size_t index, std::uint64_t max_bytes) {
  const std::string label = formatted("{} {}: name", kind, index);
  std::string name = in.string(max_bytes, label);
  const std::string problem = gguf_name_problem(name, max_bytes);
  if (!problem.empty()) fail(ErrorCode::kFormat, "{}: {}: {}", in.path(), label, problem);
  return name;
}

GgufTensor read_tensor(BoundedReader& in, std::size_t index) {
  GgufTensor tensor;
  tensor.name = read_name(in, "tensor", index, kGgufMaxTensorNameBytes);
  const std::string label = "tensor " + printable(tensor.name);
  const auto dims = in.number<std::uint32_t>(label);
  if (dims == 0 || dims > kGgufMaxDims) {
    fail(ErrorCode::kFormat, "{}: {}: expected 1 to {} dimensions, found {}", in.path(), label, kGgufMaxDims,
         dims);
  }
  tensor.shape.resize(dims);
  in.read(std::as_writable_bytes(std::span(tensor.shape)), label);
  const auto id = in.number<std::uint32_t>(label);
  tensor.type = find_ggml_type(id);
  if (tensor.type == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: {}: expected the number of a tensor type, found {}", in.path(), label,
         describe_missing_ggml_type(id));
  }
  tensor.offset = in.number<std::uint64_t>(label);
  const GgufTensorSize size = gguf_tensor_size(*tensor.type, tensor.shape);
  if (!size.problem.empty()) fail(ErrorCode::kFormat, "{}: {}: {}", in.path(), label, size.problem);
  tensor.bytes = size.bytes;
  return tensor;
}

template <typename Item>
void refuse_duplicates(const std::string& path, const char* kind, const std::vector<Item>& items) {
  const auto pair = NameIndex(items).duplicate(items);
  if (!pair) return;
  fail(ErrorCode::kFormat, "{}: {} {}: expected each name once, found it at {} and at {}", path, kind,
       printable(items[pair->first].name), pair->first, pair->second);
}

std::uint32_t find_alignment(const std::string& path, const std::vector<GgufKey>& keys) {
  const auto key =
      std::find_if(keys.begin(), keys.end(), [](const GgufKey& k) { return k.name == kGgufAlignmentKey; });
  if (key == keys.end()) return kGgufDefaultAlignment;
  const auto* alignment = std::get_if<std::uint32_t>(&key->value);
  const std::string problem = alignment != nullptr
                                  ? gguf_alignment_problem(*alignment)
                                  : formatted("expected a u32, found {}", describe(key->value));
  if (!problem.empty()) fail(ErrorCode::kFormat, "{}: key {}: {}", path, kGgufAlignmentKey, problem);
  return *alignment;
}

/// Turns offsets, which count from the aligned end of the header, into absolute ones.
void place_tensors(const ReadFile& file, GgufHeader& header, std::uint32_t alignment) {
  if (header.tensors.empty()) return;
  const std::uint64_t data = *checked_align(header.metadata_end, alignment);  // both far below 2^63
  for (GgufTensor& tensor : header.tensors) {
    const std::string name = printable(tensor.name);
    if (tensor.offset % alignment != 0) {
      fail(ErrorCode::kFormat, "{}: tensor {}: expected an offset that is a multiple of {}, found {}",
           file.path(), name, alignment, tensor.offset);
    }
    const auto begin = checked_add(data, tensor.offset);
    const auto end = begin ? checked_add(*begin, tensor.bytes) : std::nullopt;
    if (!end || *end > file.size()) {
      fail(ErrorCode::kFormat,
           "{}: tensor {}: expected {} bytes at offset {} of the data, found a file of {} bytes, whose data "
           "begins at {}; the file is cut short or damaged, copy or download it again",
           file.path(), name, tensor.bytes, tensor.offset, file.size(), data);
    }
    tensor.offset = *begin;
  }
}

void refuse_overlaps(const std::string& path, const std::vector<GgufTensor>& tensors) {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const GgufTensor* a, const GgufTensor* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = *order[i - 1];
    const GgufTensor& after = *order[i];
    if (before.offset + before.bytes <= after.offset) continue;
    fail(ErrorCode::kFormat,
         "{}: tensor {}: expected bytes of its own, found bytes from {} that tensor {} uses up to {}", path,
         printable(after.name), after.offset, printable(before.name), before.offset + before.bytes);
  }
}

}  // namespace

GgufHeader parse_gguf_header(const ReadFile& file) {
  BoundedReader in(file, kGgufMaxHeaderBytes);
  GgufHeader header;
  check_magic(in);
  header.version = read_version(in);
  const std::uint64_t tensor_count = in.count(kGgufMinTensorBytes, "number of tensors");
  const std::uint64_t key_count = in.count(kGgufMinKeyBytes, "number of keys");

  for (std::uint64_t i = 0; i < key_count; ++i) {
    std::string name = read_name(in, "key", i, kGgufMaxKeyBytes);
    GgufValue value = read_gguf_value(in, name);
    header.keys.push_back({std::move(name), std::move(value)});
  }
  refuse_duplicates(file.path(), "key", header.keys);
  for (std::uint64_t i = 0; i < tensor_count; ++i) header.tensors.push_back(read_tensor(in, i));
  refuse_duplicates(file.path(), "tensor", header.tensors);
  header.metadata_end = in.position();

  place_tensors(file, header, find_alignment(file.path(), header.keys));
  refuse_overlaps(file.path(), header.tensors);
  return header;
}

}  // namespace garam
