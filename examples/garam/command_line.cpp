// Shared options. CLI11 does the parsing; what it does not know about llama.cpp's spellings is added here.
#include "command_line.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "console.h"

namespace cli {
namespace {

constexpr int kMaxThreads = 1024;

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
    throw UsageError(fmt::format("{}: unknown option", printable(argument)));
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

[[noreturn]] void fail_reading(const std::string& path) {
  throw std::runtime_error(fmt::format("{}: {}", printable(path), std::strerror(errno)));
}

}  // namespace

void refuse_number(const std::string& names, const std::string& expected, const std::string& found) {
  const std::string name = names.substr(names.find("--"));
  throw UsageError(fmt::format("{}: expected {}, found \"{}\"", name.substr(0, name.find(',')), expected,
                               printable(found)));
}

void ModelOptions::define(CLI::App& app) {
  app.add_option("-m,--model", path, "GGUF file; of a split file the first part")->type_name("FILE");
  add_number(app, "-t,--threads", threads, "Threads; 0 or -1: what the system grants", -1, kMaxThreads);
  app.add_option("--kernels", kernels, "auto, portable, avx2 or avx512; list: print those this CPU runs")
      ->type_name("NAME");
}

void ModelOptions::check() const {
  if (path.empty()) throw UsageError("a model is needed: -m FILE");
  try {
    garam::parse_kernel_set(kernels);
  } catch (const garam::Error& error) {
    throw UsageError(fmt::format("--kernels: {}", error.what()));
  }
}

garam::Model ModelOptions::load(const std::stop_token& stop) const {
  check();
  ProgressBar bar("loading");
  return garam::Model::load(path, {.kernels = garam::parse_kernel_set(kernels),
                                   .threads = static_cast<unsigned>(std::max(threads, 0)),
                                   .progress = bar.callback(),
                                   .stop = stop});
}

void CacheOptions::define(CLI::App& app) {
  const CLI::IsMember types({"f16", "f32"});
  app.add_option("--cache-type", both, "Type of cached keys and values: f16 (default) or f32")
      ->check(types)
      ->type_name("TYPE");
  app.add_option("--cache-type-k", keys, "The same, also written -ctk; must equal -ctv")
      ->check(types)
      ->type_name("TYPE");
  app.add_option("--cache-type-v", values, "The same, also written -ctv; must equal -ctk")
      ->check(types)
      ->type_name("TYPE");
}

garam::KvType CacheOptions::type() const {
  const std::string fallback = both.empty() ? "f16" : both;
  const std::string& k = keys.empty() ? fallback : keys;
  const std::string& v = values.empty() ? fallback : values;
  if (k != v) {
    throw UsageError(
        fmt::format("keys and values are cached in one type: expected --cache-type-k and --cache-type-v "
                    "alike, found {} and "
                    "{}",
                    k, v));
  }
  return k == "f32" ? garam::KvType::kF32 : garam::KvType::kF16;
}

bool list_kernels(const ModelOptions& options) {
  if (options.kernels != "list") return false;
  for (const garam::KernelSet set : garam::available_kernel_sets()) print("{}\n", garam::to_string(set));
  return true;
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

Input open_input(const std::string& path) {
  Input input(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!input) fail_reading(path);
  return input;
}

bool read_line(const Input& input, const std::string& path, std::string& line) {
  char* buffer = nullptr;
  std::size_t capacity = 0;
  const ssize_t length = getline(&buffer, &capacity, input.get());
  const std::unique_ptr<char, decltype(&std::free)> owner(buffer, &std::free);
  if (length < 0) {
    if (std::feof(input.get()) == 0) fail_reading(path);
    return false;
  }
  line.assign(buffer, static_cast<std::size_t>(length));
  if (line.back() == '\n') line.pop_back();
  return true;
}

std::string read_file(const std::string& path) {
  const Input input = open_input(path);
  std::string content;
  std::array<char, 65536> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), input.get())) {
    content.append(buffer.data(), n);
  }
  if (std::ferror(input.get()) != 0) fail_reading(path);
  return content;
}

std::vector<std::int32_t> parse_ids(std::string_view text, const std::string& what) {
  constexpr std::string_view kSeparators = " \t\r\n,[]";
  std::vector<std::int32_t> ids;
  for (;;) {
    const std::size_t start = text.find_first_not_of(kSeparators);
    if (start == std::string_view::npos) return ids;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(kSeparators));
    const auto id = to_number<std::int32_t>(word);
    if (!id) {
      throw std::runtime_error(fmt::format("{}: number {}: expected a token id, found \"{}\"",
                                           printable(what), ids.size() + 1, printable(word.substr(0, 40))));
    }
    ids.push_back(*id);
    text.remove_prefix(word.size());
  }
}

}  // namespace cli
