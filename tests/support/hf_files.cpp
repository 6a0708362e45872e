// The inverse of what src/hf does, written from the layout of transformers' checkpoints.
#include "support/hf_files.h"

#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>

namespace garam::test {
namespace {

template <typename T>
const T* find_key(const TinyModel& tiny, const std::string& name) {
  for (const auto& [key, value] : tiny.keys) {
    if (key == name) return std::get_if<T>(&value);
  }
  return nullptr;
}

class Converter {
 public:
  explicit Converter(const TinyModel& tiny)
      : tiny_(tiny), architecture_(*find_key<std::string>(tiny, "general.architecture")) {}

  HfFiles convert() {
    config();
    for (const TinyTensor& tensor : tiny_.tensors) add(tensor);
    if (find_key<std::string>(tiny_, "tokenizer.ggml.model") != nullptr) vocabulary();
    return std::move(files_);
  }

 private:
  bool is(const char* name) const { return architecture_ == name; }
  bool gemma() const { return architecture_.starts_with("gemma"); }
  std::size_t number(const std::string& key) const {
    const auto* value = find_key<std::uint32_t>(tiny_, architecture_ + "." + key);
    return value == nullptr ? 0 : *value;
  }
  float real(const std::string& key) const { return *find_key<float>(tiny_, architecture_ + "." + key); }
  const TinyTensor* find_tensor(const std::string& name) const {
    for (const TinyTensor& t : tiny_.tensors) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }

  void config() {
    Json& c = files_.config;
    c["model_type"] = is("gemma3") ? "gemma3_text" : is("qwen3moe") ? "qwen3_moe" : architecture_;
    c["_name_or_path"] = "tests/tiny random weights";
    const std::size_t vocab = find_tensor("token_embd.weight")->shape[0];
    c["vocab_size"] = vocab;
    const bool tied = find_tensor("output.weight") == nullptr;
    c["tie_word_embeddings"] = tied;
    if (is("gpt2")) {
      c["n_embd"] = number("embedding_length");
      c["n_layer"] = number("block_count");
      c["n_head"] = number("attention.head_count");
      c["n_positions"] = number("context_length");
      c["n_inner"] = number("feed_forward_length");
      c["layer_norm_epsilon"] = real("attention.layer_norm_epsilon");
      c["activation_function"] = "gelu_new";
      return;
    }
    c["hidden_size"] = number("embedding_length");
    c["intermediate_size"] = number("feed_forward_length");
    c["num_hidden_layers"] = number("block_count");
    c["num_attention_heads"] = number("attention.head_count");
    c["num_key_value_heads"] = number("attention.head_count_kv");
    c["head_dim"] = number("attention.key_length");
    c["max_position_embeddings"] = number("context_length");
    c["rms_norm_eps"] = real("attention.layer_norm_rms_epsilon");
    c["rope_theta"] = real("rope.freq_base");
    c["attention_bias"] = is("llama") && find_tensor("blk.0.attn_q.bias") != nullptr;
    if (const std::size_t experts = number("expert_count")) {
      c[is("llama") ? "num_local_experts" : "num_experts"] = experts;
      c["num_experts_per_tok"] = number("expert_used_count");
      if (is("llama")) c["model_type"] = "mixtral";
      if (is("qwen3moe")) c["moe_intermediate_size"] = number("expert_feed_forward_length");
      if (is("qwen3moe")) c["norm_topk_prob"] = true;
    }
    if (const std::size_t window = number("attention.sliding_window")) c["sliding_window"] = window;
    if (gemma()) {
      c["hidden_activation"] = "gelu_pytorch_tanh";
      c["query_pre_attn_scalar"] = number("attention.key_length");
    } else {
      c["hidden_act"] = "silu";
    }
    if (is("gemma2")) {
      c["attn_logit_softcapping"] = real("attn_logit_softcapping");
      c["final_logit_softcapping"] = real("final_logit_softcapping");
    }
    rope();
  }

  void rope() {
    Json& c = files_.config;
    const double dims = static_cast<double>(number("rope.dimension_count"));
    const double head = static_cast<double>(number("attention.key_length"));
    if (dims != head) c["partial_rotary_factor"] = dims / head;
    const auto* type = find_key<std::string>(tiny_, architecture_ + ".rope.scaling.type");
    if (type == nullptr) return;
    Json scaling = Json::object();
    scaling["rope_type"] = *type;
    if (*type != "longrope") scaling["factor"] = real("rope.scaling.factor");
    if (*type == "yarn") {
      scaling["original_max_position_embeddings"] = number("rope.scaling.original_context_length");
    }
    if (*type == "longrope") {
      c["original_max_position_embeddings"] = number("rope.scaling.original_context_length");
      scaling["attention_factor"] = real("rope.scaling.attn_factor");
      for (const char* which : {"short", "long"}) {
        const TinyTensor& factors = *find_tensor(std::string("rope_factors_") + which + ".weight");
        for (std::size_t i = 0; i < factors.shape[0]; ++i) {
          scaling[std::string(which) + "_factor"].push_back(factors.get(i));
        }
      }
    }
    c["rope_scaling"] = std::move(scaling);
  }

  std::string stored_name(const std::string& name) const {
    static const std::map<std::string, std::string> kModel = {
        {"token_embd.weight", "model.embed_tokens.weight"},
        {"output_norm.weight", "model.norm.weight"},
        {"output.weight", "lm_head.weight"},
        {"cls.output.weight", "score.weight"}};
    static const std::map<std::string, std::string> kGpt2 = {
        {"token_embd", "wte"}, {"position_embd", "wpe"},    {"output_norm", "ln_f"},
        {"attn_norm", "ln_1"}, {"attn_qkv", "attn.c_attn"}, {"attn_output", "attn.c_proj"},
        {"ffn_norm", "ln_2"},  {"ffn_up", "mlp.c_fc"},      {"ffn_down", "mlp.c_proj"}};
    static const std::map<std::string, std::string> kLayer = {
        {"attn_norm", "input_layernorm"},
        {"attn_q", "self_attn.q_proj"},
        {"attn_k", "self_attn.k_proj"},
        {"attn_v", "self_attn.v_proj"},
        {"attn_output", "self_attn.o_proj"},
        {"attn_q_norm", "self_attn.q_norm"},
        {"attn_k_norm", "self_attn.k_norm"},
        {"attn_qkv", "self_attn.qkv_proj"},
        {"ffn_gate", "mlp.gate_proj"},
        {"ffn_down", "mlp.down_proj"},
        {"post_ffw_norm", "post_feedforward_layernorm"},
        {"post_attention_norm", "post_attention_layernorm"}};
    const std::size_t dot = name.find_last_of('.');
    const std::string suffix = name.substr(dot);
    if (!name.starts_with("blk.")) {
      if (is("gpt2") && name != "output.weight" && name != "cls.output.weight")
        return "transformer." + kGpt2.at(name.substr(0, dot)) + suffix;
      return kModel.at(name);
    }
    const std::size_t second = name.find('.', 4);
    const std::string layer = name.substr(4, second - 4), part = name.substr(second + 1, dot - second - 1);
    if (is("gpt2")) return "transformer.h." + layer + "." + kGpt2.at(part) + suffix;
    const std::string blk = "model.layers." + layer + ".";
    if (part == "ffn_norm") {
      const bool sandwich = is("gemma2") || is("gemma3");
      return blk + (sandwich ? "pre_feedforward_layernorm" : "post_attention_layernorm") + suffix;
    }
    if (part == "ffn_gate_inp") return blk + (is("llama") ? "block_sparse_moe.gate" : "mlp.gate") + suffix;
    if (part == "ffn_up") return blk + (is("phi3") ? "mlp.gate_up_proj" : "mlp.up_proj") + suffix;
    return blk + kLayer.at(part) + suffix;
  }

  void add(const TinyTensor& tensor) {
    if (tensor.name.starts_with("rope_")) return;
    const char* const dtype = tensor.type == 0    ? "F32"
                              : tensor.type == 1  ? "F16"
                              : tensor.type == 30 ? "BF16"
                                                  : nullptr;
    if (dtype == nullptr) throw std::invalid_argument("weights must be f32, f16 or bf16");
    if (tensor.shape.size() == 3) return add_experts(tensor, dtype);
    HfTensor t{stored_name(tensor.name), dtype, tensor.shape, tensor.data};
    const std::size_t size = tensor.type == 0 ? 4 : 2;
    const bool rotated =
        tensor.name.find("attn_q.") != std::string::npos || tensor.name.find("attn_k.") != std::string::npos;
    if (is("llama") && rotated) to_halves(t, number("attention.key_length"));
    if (is("gpt2") && t.shape.size() == 2 && tensor.name.starts_with("blk.")) transpose(t, size);
    if (gemma() && tensor.name.find("norm") != std::string::npos) {
      for (std::size_t i = 0; i < t.data.size(); i += 4) {
        float value;
        std::memcpy(&value, t.data.data() + i, 4);
        value -= 1;
        std::memcpy(t.data.data() + i, &value, 4);
      }
    }
    files_.tensors.push_back(std::move(t));
  }

  void add_experts(const TinyTensor& tensor, const char* dtype) {
    const std::size_t count = tensor.shape[0], bytes = tensor.data.size() / count;
    const std::size_t second = tensor.name.find('.', 4);
    const std::string layer = tensor.name.substr(4, second - 4);
    const std::string part = tensor.name.substr(second + 5, tensor.name.find("_exps") - second - 5);
    static const std::map<std::string, std::string> kMixtral = {{"gate", "w1"}, {"up", "w3"}, {"down", "w2"}};
    for (std::size_t i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      const std::string name = is("llama") ? "block_sparse_moe.experts." + number + "." + kMixtral.at(part)
                                           : "mlp.experts." + number + "." + part + "_proj";
      const auto begin = tensor.data.begin() + static_cast<std::ptrdiff_t>(i * bytes);
      files_.tensors.push_back({"model.layers." + layer + "." + name + ".weight",
                                dtype,
                                {tensor.shape[1], tensor.shape[2]},
                                {begin, begin + static_cast<std::ptrdiff_t>(bytes)}});
    }
  }

  /// Rows 2i and 2i + 1 of a head go to i and head / 2 + i.
  static void to_halves(HfTensor& t, std::size_t head) {
    const std::size_t rows = t.shape[0], bytes = t.data.size() / rows;
    std::vector<std::byte> moved(t.data.size());
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t i = row % head;
      const std::size_t to = row - i + i / 2 + i % 2 * (head / 2);
      std::memcpy(moved.data() + to * bytes, t.data.data() + row * bytes, bytes);
    }
    t.data = std::move(moved);
  }

  static void transpose(HfTensor& t, std::size_t size) {
    const std::size_t rows = t.shape[0], columns = t.shape[1];
    std::vector<std::byte> moved(t.data.size());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        std::memcpy(moved.data() + (c * rows + r) * size, t.data.data() + (r * columns + c) * size, size);
      }
    }
    t.data = std::move(moved);
    std::swap(t.shape[0], t.shape[1]);
  }

  void vocabulary() {
    files_.tokenizer = tokenizer_json(tiny_.keys);
    const auto& tokens =
        std::get<std::vector<std::string>>(*find_key<GgufArray>(tiny_, "tokenizer.ggml.tokens"));
    files_.tokenizer_config = Json::object();
    const auto name = [&](const char* role, const char* key) {
      const auto* id = find_key<std::uint32_t>(tiny_, std::string("tokenizer.ggml.") + key);
      if (id != nullptr) files_.tokenizer_config[role] = tokens[*id];
    };
    name("bos_token", "bos_token_id");
    name("eos_token", "eos_token_id");
    name("unk_token", "unknown_token_id");
  }

  const TinyModel& tiny_;
  std::string architecture_;
  HfFiles files_;
};

Json byte_level_section(bool regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", regex}};
}

/// The splits of a pre-tokenizer of GGUF, as the tokenizer.json of its models has them.
Json pre_tokenizer_section(const std::string& pre) {
  const auto split = [](const char* expression) -> Json {
    return {
        {"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}, {"invert", false}};
  };
  const auto sequence = [](Json list) -> Json {
    return {{"type", "Sequence"}, {"pretokenizers", std::move(list)}};
  };
  const std::string contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  const std::string spaces = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  const auto modern = [&](const std::string& letters, const std::string& digits, const std::string& words) {
    const std::string text = contractions + "|[^\\r\\n\\p{L}\\p{N}]?" + letters + "+|" + digits + "| ?" +
                             words + "+[\\r\\n]*|" + spaces;
    return sequence({split(text.c_str()), byte_level_section(false)});
  };
  if (pre == "gpt-2") return byte_level_section(true);
  if (pre == "starcoder" || pre == "refact" || pre == "smollm") {
    return sequence({{{"type", "Digits"}, {"individual_digits", true}}, byte_level_section(true)});
  }
  if (pre == "llama-bpe") return modern("\\p{L}", "\\p{N}{1,3}", "[^\\s\\p{L}\\p{N}]");
  if (pre == "qwen2") return modern("\\p{L}", "\\p{N}", "[^\\s\\p{L}\\p{N}]");
  if (pre == "qwen35") return modern("[\\p{L}\\p{M}]", "\\p{N}", "[^\\s\\p{L}\\p{M}\\p{N}]");
  if (pre == "deepseek-coder") {
    return sequence({split("[\\r\\n]"),
                     split("\\s?\\p{L}+"),
                     split("\\s?\\p{P}+"),
                     split("[\xe4\xb8\x80-\xe9\xbe\xa5\xe0\xa0\x80-\xe4\xb8\x80\xea\xb0\x80-\xed\x9f\xbf]+"),
                     {{"type", "Digits"}, {"individual_digits", true}},
                     byte_level_section(false)});
  }
  throw std::invalid_argument("no tokenizer.json is known for " + pre);
}

/// As transformers converts a SentencePiece model: every way to split a token into two, by the token's score.
Json merges_by_score(const std::vector<std::string>& tokens, const std::vector<float>& scores,
                     const std::vector<std::int32_t>& types) {
  std::map<std::string, std::size_t> ids;
  for (std::size_t id = 0; id < tokens.size(); ++id) ids.emplace(tokens[id], id);
  struct Merge {
    float score;
    std::size_t left, right;
  };
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] != 1 && types[id] != 4) continue;
    for (std::size_t cut = 1; cut < tokens[id].size(); ++cut) {
      const auto left = ids.find(tokens[id].substr(0, cut)), right = ids.find(tokens[id].substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({scores[id], left->second, right->second});
    }
  }
  std::stable_sort(merges.begin(), merges.end(),
                   [](const Merge& a, const Merge& b) { return a.score > b.score; });
  Json list = Json::array();
  for (const Merge& merge : merges) list.push_back({tokens[merge.left], tokens[merge.right]});
  return list;
}

}  // namespace

Json tokenizer_json(const std::vector<std::pair<std::string, GgufValue>>& keys) {
  const auto find = [&](const std::string& name) -> const GgufValue* {
    for (const auto& [key, value] : keys) {
      if (key == "tokenizer.ggml." + name) return &value;
    }
    return nullptr;
  };
  const auto array = [&](const char* name) -> const auto& {
    return std::get<GgufArray>(*find(name));
  };
  const auto& tokens = std::get<std::vector<std::string>>(array("tokens"));
  const auto& types = std::get<std::vector<std::int32_t>>(array("token_type"));
  const bool byte_level = std::get<std::string>(*find("model")) == "gpt2";
  Json model = {{"type", "BPE"},           {"dropout", nullptr},           {"unk_token", nullptr},
                {"fuse_unk", !byte_level}, {"byte_fallback", !byte_level}, {"ignore_merges", false}};
  Json vocab = Json::object();
  Json added = Json::array();
  std::map<std::string, std::size_t> members;  // ordered_json looks for a name from the front
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] == 5) continue;
    if (types[id] == 2 || types[id] == 3 || types[id] == 4) {
      added.push_back({{"id", id},
                       {"content", tokens[id]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", types[id] != 4}});
    }
    if (types[id] != 3 && types[id] != 4) members.emplace(tokens[id], id);
  }
  vocab = nlohmann::json(members);
  Json result = {{"version", "1.0"},         {"added_tokens", added},     {"normalizer", nullptr},
                 {"pre_tokenizer", nullptr}, {"post_processor", nullptr}, {"decoder", nullptr}};
  const std::string pre = find("pre") == nullptr ? "" : std::get<std::string>(*find("pre"));
  if (byte_level) {
    const auto& merges = std::get<std::vector<std::string>>(array("merges"));
    model["merges"] = merges;
    model["ignore_merges"] = pre == "llama-bpe";
    result["pre_tokenizer"] = pre_tokenizer_section(pre);
    if (pre == "qwen2" || pre == "qwen35") result["normalizer"] = {{"type", "NFC"}};
  } else {
    model["merges"] = merges_by_score(tokens, std::get<std::vector<float>>(array("scores")), types);
    result["normalizer"] = {
        {"type", "Sequence"},
        {"normalizers",
         {{{"type", "Prepend"}, {"prepend", "\xe2\x96\x81"}},
          {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xe2\x96\x81"}}}}};
    const std::uint32_t unknown = std::get<std::uint32_t>(*find("unknown_token_id"));
    model["unk_token"] = tokens[unknown];
  }
  const GgufValue* add_bos = find("add_bos_token");
  const bool bos = add_bos != nullptr ? std::get<bool>(*add_bos) : !byte_level || pre == "llama-bpe";
  if (bos) {
    const std::uint32_t id = std::get<std::uint32_t>(*find("bos_token_id"));
    result["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single",
         {{{"SpecialToken", {{"id", tokens[id]}, {"type_id", 0}}}},
          {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
        {"special_tokens", {{tokens[id], {{"id", tokens[id]}, {"ids", {id}}, {"tokens", {tokens[id]}}}}}}};
  }
  model["vocab"] = std::move(vocab);
  result["model"] = std::move(model);
  return result;
}

std::string safetensors_raw(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + std::string(data_bytes, '\0');
}

std::string safetensors_bytes(const std::vector<HfTensor>& tensors) {
  Json header = Json::object();
  header["__metadata__"] = {{"format", "pt"}};
  std::size_t end = 0;
  for (const HfTensor& t : tensors) {
    header[t.name] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {end, end + t.data.size()}}};
    end += t.data.size();
  }
  std::string bytes = safetensors_raw(header.dump(), 0);
  for (const HfTensor& t : tensors) bytes.append(reinterpret_cast<const char*>(t.data.data()), t.data.size());
  return bytes;
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out.flush()) throw std::runtime_error(path + ": cannot be written");
}

HfFiles HfFiles::make(const TinyModel& tiny) {
  return Converter(tiny).convert();
}

HfTensor& HfFiles::tensor(const std::string& name) {
  for (HfTensor& t : tensors) {
    if (t.name == name) return t;
  }
  throw std::invalid_argument("no tensor " + name);
}

void HfFiles::drop(const std::string& name) {
  std::erase_if(tensors, [&](const HfTensor& t) { return t.name == name; });
}

void HfFiles::write(const std::string& folder, std::size_t shards) const {
  write_text(folder + "/config.json", config.dump(2));
  if (!tokenizer.is_null()) write_text(folder + "/tokenizer.json", tokenizer.dump());
  if (!tokenizer_config.is_null()) write_text(folder + "/tokenizer_config.json", tokenizer_config.dump());
  if (!generation_config.is_null()) write_text(folder + "/generation_config.json", generation_config.dump());
  if (shards == 1) return write_text(folder + "/model.safetensors", safetensors_bytes(tensors));
  Json map = Json::object();
  for (std::size_t shard = 0; shard < shards; ++shard) {
    char name[64];
    std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", shard + 1, shards);
    std::vector<HfTensor> part;
    for (std::size_t i = shard; i < tensors.size(); i += shards) {
      part.push_back(tensors[i]);
      map[tensors[i].name] = name;
    }
    write_text(folder + "/" + name, safetensors_bytes(part));
  }
  const Json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", map}};
  write_text(folder + "/model.safetensors.index.json", index.dump());
}

}  // namespace garam::test
