// CLI11 does the parsing.
#include "options.h"

#include <garam/version.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <iterator>

#include "console.h"

namespace cli {
namespace {

struct Spelling {
  std::string_view one_dash, long_form;
};
constexpr Spelling kSpellings[] = {{"-ctk", "--cache-type-k"},
                                   {"-ctv", "--cache-type-v"},
                                   {"-ub", "--ubatch-size"},
                                   {"-no-cnv", "--no-conversation"}};

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

bool takes_value(const CLI::App& app, const std::string& argument) {
  const CLI::Option* option = app.get_option_no_throw(argument);
  return option != nullptr && option->get_items_expected_min() > 0;
}

/// The long form of a known spelling; anything else that is not a flag of several letters stays.
std::string respell(const std::string& argument) {
  for (const Spelling& spelling : kSpellings) {
    if (argument == spelling.one_dash) return std::string(spelling.long_form);
  }
  if (argument.size() > 2 && argument[0] == '-' && is_letter(argument[1]) && is_letter(argument[2])) {
    throw UsageError(formatted("{}: unknown option", printable(argument)));
  }
  return argument;
}

/// The option that an argument names, else the one that takes it for its value.
CLI::Option* find_option(CLI::App& app, const std::string& argument) {
  if (argument.size() > 1 && argument[0] == '-') {
    const bool is_long = argument[1] == '-';
    return app.get_option_no_throw(is_long ? argument.substr(0, argument.find('=')) : argument.substr(0, 2));
  }
  for (CLI::Option* option : app.get_options()) {
    if (option->get_positional()) return option;
  }
  return nullptr;
}

/// An argument comes before the environment, also where the two are spelled differently (-p TEXT, TEXT).
void void_environment(CLI::App& app, const std::string& argument) {
  const CLI::Option* option = find_option(app, argument);
  if (option == nullptr) return;
  for (CLI::Option* other : option->get_excludes()) other->envname("");
}

void complete_options(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const auto& names = option->get_lnames();
    if (names.empty() || names.front() == "help" || names.front() == "version") continue;
    std::string variable = "GARAM_ARG_" + names.front();
    for (char& c : variable)
      c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    option->envname(variable);
    if (option->get_items_expected_max() == 1) option->take_last();
    if (option->get_items_expected_max() != 0) continue;
    option->transform(CLI::Validator(
        [](std::string& value) {
          if (value == "enabled") value = "true";
          if (value == "disabled") value = "false";
          return std::string();
        },
        ""));
  }
}

/// What is given among the arguments makes the environment's value of options that it excludes void.
void parse(CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> rewritten;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      if (i + 1 < arguments.size()) void_environment(app, "");
      rewritten.insert(rewritten.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    void_environment(app, argument);
    const std::size_t equals = argument.find('=');
    if (argument.rfind("--", 0) == 0 && equals == argument.size() - 1) {
      // CLI11 would take the next argument for the value.
      rewritten.push_back(argument.substr(0, equals));
      rewritten.emplace_back();
      continue;
    }
    rewritten.push_back(respell(argument));
    if (takes_value(app, rewritten.back()) && i + 1 < arguments.size()) rewritten.push_back(arguments[++i]);
  }
  std::reverse(rewritten.begin(), rewritten.end());
  app.parse(std::move(rewritten));
}

}  // namespace

int run_command(const Command& command, const std::vector<std::string>& arguments) {
  CLI::App app(command.summary, formatted("garam {}", command.name));
  app.set_help_flag("-h,--help", "Print this and exit");
  app.set_version_flag("--version", formatted("garam {}", garam::version()));
  const Run run = command.define(app);
  complete_options(app);
  try {
    parse(app, arguments);
  } catch (const CLI::CallForHelp&) {
    write_out(app.help());
    return 0;
  } catch (const CLI::CallForVersion& version) {
    print("{}\n", version.what());
    return 0;
  } catch (const CLI::ExcludesError& error) {
    throw UsageError(formatted("only one of two can be given: {}", error.what()));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  return run();
}

CLI::Option* add_text(CLI::App& app, const std::string& names, std::string& value, const std::string& help,
                      const std::string& type) {
  return app.add_option(names, value, help)->type_name(type);
}

CLI::Option* add_choice(CLI::App& app, const std::string& names, std::string& value, const std::string& help,
                        const std::string& type, std::initializer_list<const char*> choices) {
  const CLI::IsMember known(std::vector<std::string>(choices.begin(), choices.end()));
  return app.add_option(names, value, help)->check(known)->type_name(type);
}

CLI::Option* add_repeated(CLI::App& app, const std::string& names, std::vector<std::string>& values,
                          const std::string& help, const std::string& type) {
  return app.add_option(names, values, help)->type_name(type)->allow_extra_args(false);
}

CLI::Option* add_bare(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                      const std::string& help) {
  return app.add_option(name, values, help)->type_name("");
}

CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& value, const std::string& help) {
  return app.add_flag(names, value, help);
}

CLI::Option* add_idle_flag(CLI::App& app, const std::string& names, const std::string& help) {
  return app.add_flag(names)->description(help);
}

bool given(const CLI::Option* option) {
  return option->count() > 0;
}

void exclude(CLI::Option* option, std::initializer_list<CLI::Option*> others) {
  for (CLI::Option* other : others) option->excludes(other);
}

void refuse_number(const std::string& names, const std::string& expected, const std::string& found) {
  const std::string name = names.substr(names.find("--"));
  throw UsageError(
      formatted("{}: expected {}, found \"{}\"", name.substr(0, name.find(',')), expected, printable(found)));
}

CLI::Option* add_number_by(CLI::App& app, const std::string& names,
                           std::function<void(const std::string&)> read, const std::string& help) {
  return app.add_option_function<std::string>(names, std::move(read), help)->type_name("N");
}

}  // namespace cli
