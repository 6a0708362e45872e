// Opening: configuration first, then what it says about the tensors, then the vocabulary.
#include "hf/folder.h"

#include <filesystem>

#include "base/fail.h"
#include "base/hash.h"
#include "base/printable.h"
#include "hf/family.h"
#include "hf/read_planned.h"
#include "hf/tokenizer.h"

namespace garam {
namespace {

/// Reads JSON files of one folder and remembers them.
class Reader {
 public:
  explicit Reader(const std::string& folder) : folder_(folder) {}

  std::optional<JsonDocument> find(std::string_view name, const JsonLimits& limits = {}) {
    const std::string path = file_in(folder_, name);
    std::error_code failed;
    if (!std::filesystem::exists(path, failed)) return std::nullopt;
    files_.push_back(ReadFile::open(path));
    std::uint64_t hash = 0;
    JsonDocument document = JsonDocument::read(files_.back(), limits, hash);
    hash_ = hash_mix(hash_, hash);
    return document;
  }

  /// A file of text as it is.
  std::optional<std::string> find_text(std::string_view name) {
    constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20;
    const std::string path = file_in(folder_, name);
    std::error_code failed;
    if (!std::filesystem::exists(path, failed)) return std::nullopt;
    files_.push_back(ReadFile::open(path));
    if (files_.back().size() > kMaxBytes) {
      fail(ErrorCode::kFormat, "{}: expected at most {} bytes, found {}", path, kMaxBytes,
           files_.back().size());
    }
    std::string text(files_.back().size(), '\0');
    files_.back().read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
    hash_ = hash_mix(hash_, hash_bytes(text.data(), text.size()));
    return text;
  }

  std::vector<ReadFile>& files() { return files_; }
  std::uint64_t hash() const { return hash_; }

 private:
  const std::string& folder_;
  std::vector<ReadFile> files_;
  std::uint64_t hash_ = 0;
};

/// The part of config.json that is about text; models that see images have it inside.
JsonValue text_config(const JsonValue& root) {
  const auto inner = root.find("text_config");
  return inner ? *inner : root;
}

const HfFamily& family_of(const JsonValue& root) {
  const JsonValue type = root.at("model_type");
  if (const HfFamily* family = find_hf_family(type.string())) return *family;
  fail(ErrorCode::kUnsupported, "{}: expected one of {}, found {}", type.where(), known_model_types(),
       type.describe());
}

void refuse_quantised(const JsonValue& root) {
  const auto quantised = root.find("quantization_config");
  if (!quantised) return;
  fail(ErrorCode::kUnsupported,
       "{}: expected weights as they were trained, found quantised ones; take the model that they were made "
       "from",
       quantised->where());
}

/// general.name: what the files call the model, or the folder.
std::string model_name(const JsonValue& root, const std::string& folder) {
  std::string name;
  if (const auto path = root.find("_name_or_path"); path && path->is(JsonKind::kString))
    name = path->string();
  if (name.empty() || name == ".") {
    std::error_code failed;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(folder, failed);
    name = failed ? folder : whole.string();
  }
  while (name.ends_with('/')) name.pop_back();
  return name.substr(name.find_last_of('/') + 1);
}

}  // namespace

std::unique_ptr<ModelFile> HfFolder::open(const std::string& path, bool with_weights) {
  std::unique_ptr<HfFolder> result(new HfFolder);
  result->path_ = path;
  Reader reader(path);
  const auto config_file = reader.find("config.json");
  auto tokenizer = reader.find("tokenizer.json", kTokenizerLimits);
  if (!config_file && (with_weights || !tokenizer)) {
    fail(ErrorCode::kIo,
         "{}: expected a GGUF file, or a folder with config.json, tokenizer.json and *.safetensors, found a "
         "folder without {}",
         path, with_weights ? "config.json" : "tokenizer.json");
  }
  KeyList keys;
  std::optional<std::uint64_t> vocab;
  if (with_weights) {
    const JsonValue root = config_file->root();
    const HfFamily& family = family_of(root);
    refuse_quantised(root);
    keys.set_architecture(std::string(family.architecture));
    keys.add("general.name", model_name(root, path));
    result->checkpoint_ = Checkpoint::open(path);
    TensorPlan plan(result->checkpoint_);
    const HfConfig config(text_config(root));
    HfModel model{config, keys, plan};
    family.describe(model);
    plan.refuse_unused(std::string(family.architecture));
    vocab = plan.rows("token_embd.weight");
    result->tensors_ = std::move(plan.tensors());
    result->planned_ = std::move(plan.planned());
  }
  const VocabularyFiles files{
      .folder = path,
      .tokenizer = std::move(tokenizer),
      .tokenizer_config = reader.find("tokenizer_config.json"),
      .generation_config = reader.find("generation_config.json"),
      .chat_template = reader.find_text("chat_template.jinja"),
      .config = config_file ? std::optional(config_file->root()) : std::nullopt,
      .text_config = config_file ? std::optional(text_config(config_file->root())) : std::nullopt,
      .rows = vocab,
  };
  add_tokenizer_keys(files, keys);

  result->keys_ = keys.take();
  result->hash_ = hash_mix(result->checkpoint_.hash, reader.hash());
  result->parts_ = std::move(result->checkpoint_.files);
  for (ReadFile& file : reader.files()) result->parts_.push_back(std::move(file));
  result->key_index_ = NameIndex(result->keys_);
  result->tensor_index_ = NameIndex(result->tensors_);
  return result;
}

void HfFolder::read(const GgufTensor& tensor, std::uint64_t offset_in_tensor,
                    std::span<std::byte> out) const {
  check_range(tensor, offset_in_tensor, out.size());
  const auto index = static_cast<std::size_t>(&tensor - tensors_.data());
  read_planned(parts_, tensor, planned_.at(index), offset_in_tensor, out);
}

std::string HfFolder::origin(const GgufTensor& tensor) const {
  const auto index = static_cast<std::size_t>(&tensor - tensors_.data());
  const PlannedTensor& planned = planned_.at(index);
  if (planned.stored == nullptr) return formatted("{}/config.json: {}", path_, tensor.name);
  const std::string name = printable(planned.stored->name);
  if (planned.stacked.empty()) return formatted("{}: tensor {}", part_path(planned.stored->file), name);
  return formatted("{}: tensors {} to {}", part_path(planned.stored->file), name,
                   printable(planned.stacked.back()->name));
}

}  // namespace garam
