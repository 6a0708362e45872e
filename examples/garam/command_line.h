// What the subcommands share: the subcommands themselves, options about the model, reading files.
#pragma once

#include <garam/garam.h>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace cli {

Run define_generate(CLI::App& app);
Run define_tokenize(CLI::App& app);
Run define_detokenize(CLI::App& app);
Run define_inspect(CLI::App& app);
Run define_bench(CLI::App& app);
Run define_logits(CLI::App& app);
Run define_score(CLI::App& app);
Run define_quantize(CLI::App& app);
Run define_perplexity(CLI::App& app);
Run define_imatrix(CLI::App& app);
Run define_convert(CLI::App& app);
#ifndef GARAM_WITHOUT_TRAINING
Run define_train(CLI::App& app);
Run define_train_tokenizer(CLI::App& app);
#endif
Run define_export_lora(CLI::App& app);

/// Throws UsageError that lists them unless garam::quantize() takes the type.
void check_weight_type(const std::string& type);

/// Exit codes besides 0; docs: README.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

/// The largest context that garam addresses.
inline constexpr std::size_t kMaxContext = std::size_t{1} << 30;

/// What --kernels names. Throws UsageError for an unknown set.
garam::KernelSet kernel_set_of(const std::string& name);

/// The adapter that --lora FILE[:SCALE] names; only a number behind the last colon is a scale, so that paths
/// with colons work. Throws UsageError.
garam::Adapter parse_adapter(const std::string& text);

/// --lora and --lora-scaled.
struct AdapterOptions {
  std::vector<std::string> plain, scaled;

  void define(CLI::App& app);
  /// Those of --lora, then those of --lora-scaled. Throws UsageError.
  std::vector<garam::Adapter> adapters() const;
};

/// -m (without: the model in the program), -t, --kernels, --pack-cache, --check-tensors, --lora,
/// --lora-scaled.
struct ModelOptions {
  std::string path, pack_cache;
  AdapterOptions adapters;
  int threads = 0;
  std::string kernels = "auto";
  bool check_tensors = false;

  void define(CLI::App& app);
  /// Throws UsageError for an unknown kernel set and for wrong adapters.
  void check() const;
  /// What messages call the model: its path, or the name of the one in the program.
  std::string name() const;
  /// Says so on stderr when the pack cache could not be written.
  garam::Model load(const std::stop_token& stop) const;
};

/// --cache-type, -ctk, -ctv.
struct CacheOptions {
  std::string both{}, keys{}, values{};
  std::string fallback = "f16";  // when none is given

  void define(CLI::App& app);
  /// Throws UsageError when K and V differ: garam keeps them in one type.
  garam::KvType type() const;
};

/// Whether --kernels list was asked for; then it has been answered.
bool list_kernels(const ModelOptions& options);

struct CloseInput {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};
using Input = std::unique_ptr<std::FILE, CloseInput>;

/// A file to be read; stdin for "-". Throws std::runtime_error.
Input open_input(const std::string& path);
/// Replaces `line` by the next one, without its end. False at the end of the file. Throws std::runtime_error.
bool read_line(const Input& input, const std::string& path, std::string& line);
/// The whole of a file, of stdin for "-". Throws std::runtime_error.
std::string read_file(const std::string& path);

/// Numbers separated by commas, brackets or white space. `what` names them in the error, which is a
/// std::runtime_error.
std::vector<std::int32_t> parse_ids(std::string_view text, const std::string& what);

}  // namespace cli
