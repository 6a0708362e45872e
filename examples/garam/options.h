// Options of a subcommand, read by CLI11. Only options.cpp includes CLI11, which takes seconds to compile;
// what it does not know about llama.cpp's spellings and about numbers is added there.
#pragma once

#include <charconv>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace cli {

/// What a subcommand does once its options are read; returns the exit code.
using Run = std::function<int()>;
/// Defines the options of a subcommand and returns what it does.
using Define = Run (*)(CLI::App& app);

struct Command {
  const char* name;
  const char* summary;
  Define define;
};

/// Reads the arguments and runs the command; --help and --version are answered. Every long option can also be
/// given as the environment variable GARAM_ARG_<NAME>, where flags also take "enabled" and "disabled"; an
/// argument comes first. Of an option given twice the last counts. -ctk, -ctv and -ub become their long
/// forms; other flags of one dash and several letters are refused instead of being read as -c tk. Throws
/// UsageError.
int run_command(const Command& command, const std::vector<std::string>& arguments);

/// Text under `names` ("-m,--model", or "FILE" for a bare argument); `type` is what help calls it.
CLI::Option* add_text(CLI::App& app, const std::string& names, std::string& value, const std::string& help,
                      const std::string& type = "");
/// One of `choices`.
CLI::Option* add_choice(CLI::App& app, const std::string& names, std::string& value, const std::string& help,
                        const std::string& type, std::initializer_list<const char*> choices);
/// An option that may be repeated.
CLI::Option* add_repeated(CLI::App& app, const std::string& names, std::vector<std::string>& values,
                          const std::string& help, const std::string& type);
/// All bare arguments.
CLI::Option* add_bare(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                      const std::string& help);
/// A flag; of "--a,!--b" the second means false.
CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& value, const std::string& help);
/// A flag that says what garam does anyway.
CLI::Option* add_idle_flag(CLI::App& app, const std::string& names, const std::string& help);

/// Whether it was given, as an argument or in the environment.
bool given(const CLI::Option* option);
/// Only one of two can be given.
void exclude(CLI::Option* option, std::initializer_list<CLI::Option*> others);

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
CLI::Option* add_number_by(CLI::App& app, const std::string& names,
                           std::function<void(const std::string&)> read, const std::string& help);

/// Options for numbers and their bounds. CLI11 would take 010 for 8 and -1 for 2^64 - 1.
template <typename Number>
CLI::Option* add_number(CLI::App& app, const std::string& names, Number& value, const std::string& help,
                        std::type_identity_t<Number> low = std::numeric_limits<Number>::lowest(),
                        std::type_identity_t<Number> high = std::numeric_limits<Number>::max()) {
  const auto read = [=, &value](const std::string& text) {
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
  return add_number_by(app, names, read, help);
}

}  // namespace cli
