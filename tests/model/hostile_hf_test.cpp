// Hostile and broken Hugging Face folders: each is refused with a message that names the file and the place,
// takes little memory, or computes what it says. Containers of tensors alone: tests/io/safetensors_test.cpp.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "model/hostile.h"
#include "support/hf_files.h"

namespace garam::test {
namespace {

HfFiles good_folder(const TinyOptions& options = {.layers = 2, .separate_output = false}) {
  return HfFiles::make(TinyModel::make(options));
}

HfFiles with_vocabulary(TinyVocabulary vocabulary = TinyVocabulary::kByteLevel) {
  return good_folder({.layers = 1, .vocabulary = vocabulary});
}

testing::AssertionResult folder_refused(const std::string& folder,
                                        std::initializer_list<std::string_view> parts) {
  const MemoryCeiling ceiling(std::size_t{256} << 20);
  try {
    Model::load(folder, {.threads = 1});
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kIo) return helps(error.what(), folder, parts);
    return is_refusal(error, folder, parts);
  }
  return testing::AssertionFailure() << "was accepted";
}

testing::AssertionResult refused(const HfFiles& files, std::initializer_list<std::string_view> parts) {
  const TempDir dir;
  files.write(dir.path().string());
  return folder_refused(dir.path().string(), parts);
}

testing::AssertionResult loads(const HfFiles& files) {
  const TempDir dir;
  files.write(dir.path().string());
  try {
    return runs(Model::load(dir.path().string(), {.threads = 1}));
  } catch (const Error& error) {
    return testing::AssertionFailure() << error.what();
  }
}

struct ConfigCase {
  const char* architecture;
  const char* key;
  Json value;
  std::initializer_list<std::string_view> parts;
};

TEST(HostileHfConfig, NumbersOutOfRangeAndOfOtherKinds) {
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                          "num_key_value_heads", "head_dim", "max_position_embeddings", "vocab_size"}) {
    for (const Json& value : {Json(0), Json(-1), Json(std::uint64_t{1} << 40), Json(UINT64_MAX), Json(1.5),
                              Json("8"), Json(true), Json(Json::array({8})), Json(Json::object())}) {
      HfFiles files = good_folder();
      files.config[key] = value;
      EXPECT_TRUE(refused(files, {"config.json", key})) << key << ' ' << value;
    }
  }
  for (const char* key : {"rms_norm_eps", "rope_theta"}) {
    for (const Json& value : {Json(0), Json(-1), Json(1e300), Json("1"), Json(Json::array())}) {
      HfFiles files = good_folder();
      files.config[key] = value;
      EXPECT_TRUE(refused(files, {"config.json", key})) << key << ' ' << value;
    }
  }
}

TEST(HostileHfConfig, WhatCannotBeComputedIsRefused) {
  const Json unknown_scaling = {{"rope_type", "dynamic"}, {"factor", 2}};
  const Json old_name = {{"type", "dynamic"}, {"factor", 2}};
  const ConfigCase cases[] = {
      {"llama", "model_type", "mamba", {"model_type", "gemma, gemma2", "mamba"}},
      {"llama", "model_type", 5, {"model_type", "5"}},
      {"llama", "model_type", nullptr, {"model_type"}},
      {"llama", "hidden_act", "gelu", {"hidden_act", "silu", "gelu"}},
      {"llama", "mlp_bias", true, {"mlp_bias"}},
      {"llama", "attention_bias", "yes", {"attention_bias"}},
      {"llama", "attention_bias", true, {"model.layers.0.self_attn.q_proj.bias", "none"}},
      {"llama", "num_key_value_heads", 3, {"num_key_value_heads", "divisor"}},
      {"llama",
       "num_attention_heads",
       8,
       {"model.layers.0.self_attn.q_proj.weight", "[128, 64]", "[64, 64]"}},
      {"llama", "num_hidden_layers", 3, {"model.layers.2.input_layernorm.weight", "none"}},
      {"llama", "num_hidden_layers", 1, {"tensor model.layers.1.", "llama"}},
      {"llama", "hidden_size", 32, {"model.embed_tokens.weight", "[67, 32]", "[67, 64]"}},
      {"llama", "vocab_size", 68, {"model.embed_tokens.weight", "[68, 64]"}},
      {"llama", "tie_word_embeddings", false, {"lm_head.weight", "none"}},
      {"llama", "head_dim", 15, {"q_proj"}},
      {"llama", "sliding_window", 0, {"sliding_window"}},
      {"llama", "sliding_window", -5, {"sliding_window", "-5"}},
      {"llama", "quantization_config", {{"quant_method", "gptq"}}, {"quantization_config"}},
      {"llama", "rope_scaling", unknown_scaling, {"rope_scaling.rope_type", "linear", "dynamic"}},
      {"llama", "rope_scaling", old_name, {"rope_scaling.type", "dynamic"}},
      {"llama", "rope_scaling", {{"rope_type", "longrope"}}, {"longrope"}},
      {"llama", "rope_scaling", {{"rope_type", "linear"}}, {"factor"}},
      {"llama", "rope_scaling", {{"rope_type", "linear"}, {"factor", -4}}, {"rope_scaling.factor", "-4"}},
      {"llama", "rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}}, {"low_freq_factor"}},
      {"llama",
       "rope_scaling",
       {{"rope_type", "llama3"},
        {"factor", 8},
        {"low_freq_factor", 4},
        {"high_freq_factor", 4},
        {"original_max_position_embeddings", 64}},
       {"high_freq_factor"}},
      {"llama", "rope_scaling", "linear", {"rope_scaling"}},
      {"llama", "rope_scaling", {{"rope_type", "yarn"}, {"factor", 4}, {"truncate", false}}, {"truncate"}},
      {"llama", "rope_parameters", {{"rope_type", "dynamic"}}, {"rope_parameters.rope_type"}},
      {"qwen2", "rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}}, {"llama3"}},
      {"qwen3", "attention_bias", true, {"attention_bias"}},
      {"phi3",
       "rope_scaling",
       {{"type", "longrope"}, {"short_factor", {1, 2}}, {"long_factor", {1, 2, 3, 4, 5, 6, 7, 8}}},
       {"short_factor", "8", "2"}},
      {"phi3",
       "rope_scaling",
       {{"type", "longrope"},
        {"short_factor", {1, 2, 3, 4, 5, 6, 7, 0}},
        {"long_factor", {1, 2, 3, 4, 5, 6, 7, 8}}},
       {"short_factor[7]", "0"}},
      {"phi3", "partial_rotary_factor", 0.01, {"partial_rotary_factor"}},
      {"gemma2", "query_pre_attn_scalar", 144, {"query_pre_attn_scalar", "16", "144"}},
      {"gemma2", "final_logit_softcapping", nullptr, {"final_logit_softcapping"}},
      {"gemma2", "layer_types", {"sliding_attention"}, {"layer_types", "2", "1"}},
      {"gemma2", "layer_types", {"sliding_attention", "linear_attention"}, {"linear_attention"}},
      {"gemma3", "final_logit_softcapping", 30, {"final_logit_softcapping"}},
      {"gemma3", "hidden_activation", "relu", {"hidden_activation", "relu"}},
      {"gpt2", "activation_function", "relu", {"activation_function", "relu"}},
      {"gpt2", "scale_attn_by_inverse_layer_idx", true, {"scale_attn_by_inverse_layer_idx"}},
      {"gpt2", "n_inner", 100, {"mlp.c_fc.weight", "[64, 100]"}},
  };
  for (const ConfigCase& c : cases) {
    HfFiles files = good_folder({.architecture = c.architecture, .layers = 2, .separate_output = false});
    files.config[c.key] = c.value;
    EXPECT_TRUE(refused(files, c.parts)) << c.architecture << ' ' << c.key << ' ' << c.value;
  }
}

TEST(HostileHfConfig, WindowsThatWouldShowInQwenAreRefused) {
  HfFiles files = good_folder({.architecture = "qwen2", .layers = 2, .separate_output = false});
  files.config["sliding_window"] = 20;
  EXPECT_TRUE(loads(files)) << "use_sliding_window is not set";
  files.config["use_sliding_window"] = true;
  EXPECT_TRUE(refused(files, {"sliding_window", "20"}));
  files.config["max_window_layers"] = 2;
  EXPECT_TRUE(loads(files)) << "no layer has it";
  files.config["layer_types"] = {"full_attention", "sliding_attention"};
  EXPECT_TRUE(refused(files, {"sliding_window"}));
  files.config["sliding_window"] = 1024;
  EXPECT_TRUE(loads(files)) << "as long as the context";
}

TEST(HostileHfTensors, WrongOnesAreRefused) {
  struct Case {
    const char* what;
    std::function<void(HfFiles&)> change;
    std::initializer_list<std::string_view> parts;
  };
  const std::string up = "model.layers.1.mlp.up_proj.weight";
  const Case cases[] = {
      {"missing",
       [&](HfFiles& f) { f.drop(up); },
       {"model.safetensors: tensor model.layers.1.mlp.up_proj.weight"}},
      {"another shape",
       [&](HfFiles& f) { std::swap(f.tensor(up).shape[0], f.tensor(up).shape[1]); },
       {"model.safetensors: tensor model.layers.1.mlp.up_proj.weight: expected shape [96, 64], found [64, "
        "96]"}},
      {"one dimension", [&](HfFiles& f) { f.tensor(up).shape = {64 * 96}; }, {"[96, 64]", "[6144]"}},
      {"more than is computed with",
       [](HfFiles& f) {
         f.tensors.push_back({"model.extra", "F32", {1}, std::vector<std::byte>(4)});
       },
       {"tensor model.extra", "llama"}},
      {"integers", [&](HfFiles& f) { f.tensor(up).dtype = "I32"; }, {up, "F32, F16 or BF16", "I32"}},
      {"8-bit floats",
       [&](HfFiles& f) {
         f.tensor(up).dtype = "F8_E4M3";
         f.tensor(up).data.resize(64 * 96);
       },
       {up, "F8_E4M3"}},
      {"doubles",
       [&](HfFiles& f) {
         f.tensor(up).dtype = "F64";
         f.tensor(up).data.resize(64 * 96 * 8);
       },
       {up, "F64"}},
      {"a weight that is infinite",
       [&](HfFiles& f) {
         const float value = INFINITY;
         std::memcpy(f.tensor(up).data.data() + 40, &value, sizeof value);
       },
       {up, "finite"}},
      {"a norm that is NaN",
       [](HfFiles& f) {
         const float value = NAN;
         std::memcpy(f.tensor("model.norm.weight").data.data(), &value, sizeof value);
       },
       {"tensor model.norm.weight", "finite"}},
  };
  for (const Case& c : cases) {
    HfFiles files = good_folder();
    c.change(files);
    EXPECT_TRUE(refused(files, c.parts)) << c.what;
  }
}

TEST(HostileHfTensors, ExpertsThatDoNotFitEachOther) {
  const HfFiles good = good_folder({.layers = 1, .experts = 4});
  HfFiles files = good;
  files.drop("model.layers.0.block_sparse_moe.experts.2.w1.weight");
  EXPECT_TRUE(refused(files, {"experts.2.w1.weight", "none"}));
  files = good;
  files.tensor("model.layers.0.block_sparse_moe.experts.3.w2.weight").shape = {96, 64};
  EXPECT_TRUE(refused(files, {"experts.3.w2.weight", "[64, 96]", "[96, 64]"}));
  files = good;
  files.tensor("model.layers.0.block_sparse_moe.experts.3.w2.weight").dtype = "F16";
  files.tensor("model.layers.0.block_sparse_moe.experts.3.w2.weight").data.resize(64 * 96 * 2);
  EXPECT_TRUE(refused(files, {"experts.3.w2.weight", "F32", "F16"}));
  for (const Json& count : {Json(0), Json(-1), Json(100000), Json("4")}) {
    files = good;
    files.config["num_local_experts"] = count;
    EXPECT_TRUE(refused(files, {"num_local_experts"})) << count;
  }
  for (const int count : {3, 5}) {
    files = good;
    files.config["num_local_experts"] = count;
    EXPECT_TRUE(refused(files, {"block_sparse_moe.gate.weight", "[4, 64]"})) << count;
  }
  files = good;
  files.config["num_experts_per_tok"] = 5;
  EXPECT_TRUE(refused(files, {"num_experts_per_tok", "5"}));
  files = good_folder({.architecture = "qwen3moe", .layers = 1, .experts = 4});
  files.config["norm_topk_prob"] = false;
  EXPECT_TRUE(refused(files, {"norm_topk_prob"}));
}

TEST(HostileHfTensors, BuffersAndTiedCopiesArePassedOver) {
  HfFiles files = good_folder();
  files.tensors.push_back({"lm_head.weight", "F32", {67, 64}, std::vector<std::byte>(67 * 64 * 4)});
  files.tensors.push_back(
      {"model.layers.0.self_attn.rotary_emb.inv_freq", "F32", {8}, std::vector<std::byte>(32)});
  EXPECT_TRUE(loads(files));
  HfFiles gpt2 = good_folder({.architecture = "gpt2", .layers = 1, .separate_output = false});
  gpt2.tensors.push_back({"transformer.h.0.attn.bias", "BOOL", {1, 1, 4, 4}, std::vector<std::byte>(16)});
  EXPECT_TRUE(loads(gpt2));
}

class HostileIndex : public testing::Test {
 protected:
  HostileIndex() { good_folder().write(folder(), 2); }
  std::string folder() const { return dir_.path().string(); }
  std::string index() const { return dir_.file("model.safetensors.index.json"); }
  Json read() const {
    std::ifstream in(index());
    return Json::parse(in);
  }
  testing::AssertionResult refused_with(const Json& json,
                                        std::initializer_list<std::string_view> parts) const {
    write_text(index(), json.dump());
    return folder_refused(folder(), parts);
  }
  TempDir dir_;
};

TEST_F(HostileIndex, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../model-00001-of-00002.safetensors", "/etc/passwd", "a/b.safetensors", "..", "",
                           ".safetensors", "a\\b.safetensors", "model.bin", "\x01/../x.safetensors"}) {
    Json json = read();
    json["weight_map"]["model.norm.weight"] = name;
    EXPECT_TRUE(refused_with(json, {"index.json", "model.norm.weight"})) << name;
  }
  Json json = read();
  json["weight_map"]["model.norm.weight"] = std::string("a\0b.safetensors", 15);
  EXPECT_TRUE(refused_with(json, {"model.norm.weight"}));
}

TEST_F(HostileIndex, WhatDoesNotFitTheFilesIsRefused) {
  Json json = read();
  json["weight_map"]["model.norm.weight"] = "model-00003-of-00002.safetensors";
  EXPECT_TRUE(refused_with(json, {"index.json", "model-00003-of-00002.safetensors"}));
  json = read();
  json["weight_map"].erase("model.norm.weight");
  json["weight_map"]["model.norm.weight2"] = "model-00001-of-00002.safetensors";
  EXPECT_TRUE(refused_with(json, {"model.norm.weight2", "in no file"}));
  for (const Json& map :
       {Json(nullptr), Json(1), Json(Json::array()), Json(Json::object()), Json({{"a", 1}})}) {
    json["weight_map"] = map;
    EXPECT_TRUE(refused_with(json, {"index.json"})) << map;
  }
}

TEST_F(HostileIndex, TheOtherFileThanItSays) {
  Json json = read();
  auto& first = json["weight_map"]["model.norm.weight"];
  first = first == "model-00001-of-00002.safetensors" ? "model-00002-of-00002.safetensors"
                                                      : "model-00001-of-00002.safetensors";
  EXPECT_TRUE(refused_with(json, {"model.norm.weight"}));
}

TEST_F(HostileIndex, ATensorInBothFilesIsRefused) {
  const HfFiles files = good_folder();
  write_text(dir_.file("model-00002-of-00002.safetensors"), safetensors_bytes(files.tensors));
  EXPECT_TRUE(folder_refused(folder(), {"once"}));
}

TEST(HostileHfFolder, MissingFilesAreNamed) {
  const TempDir dir;
  EXPECT_TRUE(folder_refused(dir.path().string(), {"config.json"}));
  write_text(dir.file("config.json"), good_folder().config.dump());
  EXPECT_TRUE(folder_refused(dir.path().string(), {"model.safetensors"}));
  write_text(dir.file("pytorch_model.bin"), "x");
  EXPECT_TRUE(folder_refused(dir.path().string(), {"model.safetensors", "pytorch_model.bin"}));
  good_folder().write(dir.path().string());
  write_text(dir.file("tokenizer.model"), "x");
  EXPECT_TRUE(folder_refused(dir.path().string(), {"tokenizer.json", "tokenizer.model"}));
  EXPECT_EQ(error_of([&] { load_tokenizer(dir.path().string()); }), ErrorCode::kUnsupported);
  EXPECT_EQ(error_of([&] { Model::load(dir.file("model.safetensors")); }), ErrorCode::kUnsupported);
}

TEST(HostileHfFolder, FilesThatAreNoJson) {
  for (const char* name :
       {"config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("\xff\xfe"), std::string(1 << 20, '[')}) {
      const TempDir dir;
      with_vocabulary().write(dir.path().string());
      write_text(dir.file(name), text);
      EXPECT_TRUE(folder_refused(dir.path().string(), {name})) << name;
    }
  }
}

struct TokenizerCase {
  const char* what;
  std::function<void(Json& json)> change;
  std::initializer_list<std::string_view> parts;
};

TEST(HostileTokenizerJson, WhatContradictsItselfOrIsUnknown) {
  const TokenizerCase cases[] = {
      {"no model", [](Json& j) { j.erase("model"); }, {"model"}},
      {"no vocab", [](Json& j) { j["model"].erase("vocab"); }, {"vocab"}},
      {"vocab is a list", [](Json& j) { j["model"]["vocab"] = Json::array({"a"}); }, {"vocab"}},
      {"empty vocab", [](Json& j) { j["model"]["vocab"] = Json::object(); }, {"vocab"}},
      {"negative id", [](Json& j) { j["model"]["vocab"]["A"] = -1; }, {"vocab.A", "-1"}},
      {"id beyond the embedding",
       [](Json& j) { j["model"]["vocab"]["A"] = 1 << 20; },
       {"vocab.A", "1048576"}},
      {"two tokens of one id", [](Json& j) { j["model"]["vocab"]["A"] = 66; }, {"id 66"}},
      {"another text in added_tokens", [](Json& j) { j["added_tokens"][0]["id"] = 66; }, {"id 66"}},
      {"one text twice", [](Json& j) { j["added_tokens"][1]["content"] = "A"; }, {"\"A\""}},
      {"empty added token", [](Json& j) { j["added_tokens"][0]["content"] = ""; }, {"content"}},
      {"single_word", [](Json& j) { j["added_tokens"][0]["single_word"] = true; }, {"single_word"}},
      {"flag is a text", [](Json& j) { j["added_tokens"][0]["special"] = "yes"; }, {"special"}},
      {"no merges", [](Json& j) { j["model"].erase("merges"); }, {"merges"}},
      {"merge of one", [](Json& j) { j["model"]["merges"][3] = "one"; }, {"merges[3]"}},
      {"merge of three",
       [](Json& j) {
         j["model"]["merges"][3] = {"a", "b", "c"};
       },
       {"merges[3]"}},
      {"merge with spaces",
       [](Json& j) {
         j["model"]["merges"][3] = {"a b", "c"};
       },
       {"merges[3]"}},
      {"merge is a number", [](Json& j) { j["model"]["merges"][3] = 3; }, {"merges[3]"}},
      {"Unigram", [](Json& j) { j["model"]["type"] = "Unigram"; }, {"model.type", "BPE", "Unigram"}},
      {"dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }, {"dropout"}},
      {"subword prefix", [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; }, {"##"}},
      {"normalizer",
       [](Json& j) {
         j["normalizer"] = {{"type", "NFKC"}};
       },
       {"normalizer", "NFC", "NFKC"}},
      {"Lowercase",
       [](Json& j) {
         j["normalizer"] = {{"type", "Sequence"},
                            {"normalizers", {{{"type", "NFC"}}, {{"type", "Lowercase"}}}}};
       },
       {"normalizers[1]", "Lowercase"}},
      {"expression",
       [](Json& j) {
         j["pre_tokenizer"] = {
             {"type", "Sequence"},
             {"pretokenizers",
              {{{"type", "Split"},
                {"pattern", {{"Regex", "(a+)+b"}}},
                {"behavior", "Isolated"},
                {"invert", false}},
               {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
       },
       {"pre_tokenizer", "(a+)+b"}},
      {"prefix space", [](Json& j) { j["pre_tokenizer"]["add_prefix_space"] = true; }, {"add_prefix_space"}},
      {"no pre-tokenizer", [](Json& j) { j["pre_tokenizer"] = nullptr; }, {"ByteLevel"}},
      {"nested sequences",
       [](Json& j) {
         j["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {{{"type", "Sequence"}}}}};
       },
       {"Sequence"}},
      {"post-processor",
       [](Json& j) {
         j["post_processor"] = {{"type", "BertProcessing"}};
       },
       {"post_processor", "BertProcessing"}},
      {"template of an unknown token",
       [](Json& j) {
         j["post_processor"] = {{"type", "TemplateProcessing"},
                                {"single", {{{"SpecialToken", {{"id", "<x>"}}}}}},
                                {"special_tokens", Json::object()}};
       },
       {"<x>"}},
      {"template with an id out of range",
       [](Json& j) {
         j["post_processor"] = {{"type", "TemplateProcessing"},
                                {"single", {{{"SpecialToken", {{"id", "x"}}}}}},
                                {"special_tokens", {{"x", {{"ids", {1000000}}}}}}};
       },
       {"1000000"}},
  };
  for (const TokenizerCase& c : cases) {
    HfFiles files = with_vocabulary();
    c.change(files.tokenizer);
    EXPECT_TRUE(refused(files, c.parts)) << c.what;
  }
}

TEST(HostileTokenizerJson, SpecialTokensThatAreNone) {
  HfFiles files = with_vocabulary();
  files.tokenizer_config["bos_token"] = "<nothing>";
  EXPECT_TRUE(refused(files, {"tokenizer_config.json", "bos_token", "<nothing>"}));
  files = with_vocabulary();
  files.generation_config["eos_token_id"] = {1, 1000000};
  EXPECT_TRUE(refused(files, {"generation_config.json", "eos_token_id[1]", "1000000"}));
  files = with_vocabulary();
  files.config["eos_token_id"] = "2";
  EXPECT_TRUE(refused(files, {"config.json", "eos_token_id"}));
}

TEST(HostileTokenizerJson, VocabulariesWithHolesArePadded) {
  HfFiles files = good_folder({.layers = 1, .vocab = 400, .separate_output = false});
  const HfFiles other = with_vocabulary();
  files.tokenizer = other.tokenizer;
  const TempDir dir;
  files.write(dir.path().string());
  const Model model = Model::load(dir.path().string(), {.threads = 1});
  EXPECT_EQ(model.tokenizer().size(), 400u);
  EXPECT_TRUE(runs(model));
  files.tokenizer["added_tokens"].push_back({{"id", 400}, {"content", "<beyond>"}, {"special", false}});
  files.write(dir.path().string());
  EXPECT_FALSE(Model::load(dir.path().string(), {.threads = 1}).tokenizer().find("<beyond>"));
}

}  // namespace
}  // namespace garam::test
