// What the subcommands share: options about the model, environment variables, one-dash spellings.
#pragma once

#include <garam/garam.h>
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cli {

/// What a subcommand does once its options are read; returns the exit code.
using Run = std::function<int()>;

/// Defines the options of a subcommand and returns what it does.
Run define_generate(CLI::App& app);
Run define_tokenize(CLI::App& app);
Run define_detokenize(CLI::App& app);
Run define_inspect(CLI::App& app);
Run define_bench(CLI::App& app);
Run define_logits(CLI::App& app);

/// Exit codes besides 0; docs: README.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

/// The largest context that garam addresses.
inline constexpr std::size_t kMaxContext = std::size_t{1} << 30;

/// The number that the whole of `text` spells in decimal; nothing where it spells none or a larger one.
template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Throws the UsageError of a number option.
[[noreturn]] void refuse_number(const std::string& names, const std::string& expected,
                                const std::string& found);

/// Options for numbers and their bounds. CLI11 would take 010 for 8 and -1 for 2^64 - 1.
template <typename Number>
CLI::Option* add_number(CLI::App& app, const std::string& names, Number& value, const std::string& help,
                        std::type_identity_t<Number> low = std::numeric_limits<Number>::lowest(),
                        std::type_identity_t<Number> high = std::numeric_limits<Number>::max()) {
  const auto read = [names, &value, low, high](const std::string& text) {
    const auto number = to_number<Number>(text);
    if constexpr (std::is_integral_v<Number>) {
      if (!number || *number < low || *number > high) {
        refuse_number(names, "a whole number from " + std::to_string(low) + " to " + std::to_string(high),
                      text);
      }
    } else if (!number) {
      refuse_number(names, "a number", text);
    }
    value = *number;
  };
  return app.add_option_function<std::string>(names, read, help)->type_name("N");
}

/// -m, -t, --kernels.
struct ModelOptions {
  std::string path;
  int threads = 0;
  std::string kernels = "auto";

  void define(CLI::App& app);
  /// Throws UsageError without -m or for an unknown kernel set.
  void check() const;
  garam::Model load(const std::stop_token& stop) const;
};

/// --cache-type, -ctk, -ctv.
struct CacheOptions {
  std::string both, keys, values;

  void define(CLI::App& app);
  /// Throws UsageError when K and V differ: garam keeps them in one type.
  garam::KvType type() const;
};

/// Whether --kernels list was asked for; then it has been answered.
bool list_kernels(const ModelOptions& options);

/// Gives every long option the environment variable GARAM_ARG_<NAME>, where flags also take "enabled" and
/// "disabled". Of an option given twice the last counts.
void complete_options(CLI::App& app);

/// Parses the arguments. What is given among them makes the environment's value of options that it excludes
/// void. -ctk, -ctv and -ub become their long forms first; other flags of one dash and
/// several letters are refused instead of being read as -c tk. Throws CLI::ParseError, UsageError.
void parse(CLI::App& app, const std::vector<std::string>& arguments);

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
