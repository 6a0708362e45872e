// Names of files come from the index, so that one which leaves the folder must not be followed.
#include "hf/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "base/fail.h"
#include "base/hash.h"
#include "base/printable.h"
#include "io/json.h"

namespace garam {
namespace {

constexpr std::string_view kSingle = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr JsonLimits kIndexLimits{.bytes = std::uint64_t{64} << 20, .values = std::size_t{4} << 20};

bool exists(const std::string& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

/// What people have in the place of safetensors.
std::string other_weights(const std::string& folder) {
  for (const std::string_view name :
       {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack",
        "consolidated.00.pth", "adapter_model.safetensors"}) {
    if (exists(file_in(folder, name))) return std::string(name);
  }
  return "neither";
}

void check_file_name(const JsonValue& entry) {
  const std::string_view name = entry.string();
  constexpr std::string_view kSuffix = ".safetensors";
  const bool plain = name.size() > kSuffix.size() && name.size() <= 255 && name.ends_with(kSuffix) &&
                     name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
  if (!plain) entry.refuse("the name of a .safetensors file in the same folder");
}

/// The files that the index names, in the order of their names.
std::vector<std::string> file_names(const JsonValue& weight_map) {
  std::unordered_set<std::string> seen;
  for (const JsonValue entry : weight_map.members()) {
    check_file_name(entry);
    seen.emplace(entry.string());
    if (seen.size() > kMaxShards) {
      fail(ErrorCode::kFormat, "{}: expected at most {} files, found more", weight_map.where(), kMaxShards);
    }
  }
  std::vector<std::string> names(seen.begin(), seen.end());
  std::sort(names.begin(), names.end());
  return names;
}

void add_file(Checkpoint& checkpoint, ReadFile file) {
  SafetensorsHeader header = read_safetensors_header(file);
  checkpoint.hash = hash_mix(checkpoint.hash, header.hash);
  for (SafetensorsTensor& tensor : header.tensors) {
    checkpoint.tensors.push_back({std::move(tensor), checkpoint.files.size()});
  }
  checkpoint.files.push_back(std::move(file));
}

void make_index(Checkpoint& checkpoint) {
  checkpoint.index = NameIndex(checkpoint.tensors);
  const auto twice = checkpoint.index.duplicate(checkpoint.tensors);
  if (!twice) return;
  fail(ErrorCode::kFormat, "{}: expected each name once, found it also in {}",
       checkpoint.origin(checkpoint.tensors[twice->second]),
       checkpoint.files[checkpoint.tensors[twice->first].file].path());
}

/// Every tensor of the index is where the index says.
void check_places(const Checkpoint& checkpoint, const JsonValue& weight_map,
                  const std::vector<std::string>& names) {
  for (const JsonValue entry : weight_map.members()) {
    const StoredTensor* tensor = checkpoint.find(entry.key());
    if (tensor != nullptr && names[tensor->file] == entry.string()) continue;
    fail(ErrorCode::kFormat, "{}: expected the tensor in {}, found it {}", entry.where(),
         printable(entry.string()),
         tensor == nullptr ? "in no file" : formatted("in {}", printable(names[tensor->file])));
  }
}

Checkpoint open_sharded(const std::string& folder) {
  Checkpoint checkpoint;
  ReadFile index_file = ReadFile::open(file_in(folder, kIndex));
  const JsonDocument document = JsonDocument::read(index_file, kIndexLimits, checkpoint.hash);
  const JsonValue weight_map = document.root().at("weight_map");
  const std::vector<std::string> names = file_names(weight_map);
  if (names.empty()) weight_map.refuse("the file of every tensor");
  for (const std::string& name : names) {
    if (!exists(file_in(folder, name))) {
      fail(ErrorCode::kIo, "{}: expected {} beside it, as it says, found no such file; download it too",
           index_file.path(), printable(name));
    }
    add_file(checkpoint, ReadFile::open(file_in(folder, name)));
  }
  make_index(checkpoint);
  check_places(checkpoint, weight_map, names);
  checkpoint.files.push_back(std::move(index_file));
  return checkpoint;
}

}  // namespace

std::string file_in(const std::string& folder, std::string_view name) {
  std::string path = folder;
  if (!path.ends_with('/')) path += '/';
  return path += name;
}

Checkpoint Checkpoint::open(const std::string& folder) {
  if (exists(file_in(folder, kSingle))) {
    Checkpoint checkpoint;
    add_file(checkpoint, ReadFile::open(file_in(folder, kSingle)));
    make_index(checkpoint);
    return checkpoint;
  }
  if (exists(file_in(folder, kIndex))) return open_sharded(folder);
  fail(ErrorCode::kIo, "{}: expected {} or {} in the folder, found {}", folder, kSingle, kIndex,
       other_weights(folder));
}

std::string Checkpoint::origin(const StoredTensor& tensor) const {
  return formatted("{}: tensor {}", files[tensor.file].path(), printable(tensor.name));
}

}  // namespace garam
