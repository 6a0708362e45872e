// Shared options and files.
#include "command_line.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "console.h"
#include "story_model.h"

namespace cli {
namespace {

constexpr int kMaxThreads = 1024;

[[noreturn]] void fail_reading(const std::string& path) {
  throw std::runtime_error(formatted("{}: {}", printable(path), std::strerror(errno)));
}

}  // namespace

garam::KernelSet kernel_set_of(const std::string& name) {
  try {
    return garam::parse_kernel_set(name);
  } catch (const garam::Error& error) {
    throw UsageError(formatted("--kernels: {}", error.what()));
  }
}

garam::Adapter parse_adapter(const std::string& text) {
  garam::Adapter adapter{text};
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    if (const auto scale = to_number<float>(std::string_view(text).substr(colon + 1))) {
      adapter = {text.substr(0, colon), *scale};
    }
  }
  if (adapter.path.empty()) {
    throw UsageError(formatted("--lora: expected FILE or FILE:SCALE, found \"{}\"", printable(text)));
  }
  if (!std::isfinite(adapter.scale)) {
    throw UsageError(formatted("--lora: expected a finite scale, found \"{}\"", printable(text)));
  }
  return adapter;
}

void AdapterOptions::define(CLI::App& app) {
  add_repeated(
      app, "--lora", plain,
      "Adapter (GGUF) added to the model's weights, with a scale where one follows the last colon (1); "
      "may be repeated",
      "FILE[:SCALE]");
  add_repeated(app, "--lora-scaled", scaled, "The same with its scale", "FILE:SCALE");
}

std::vector<garam::Adapter> AdapterOptions::adapters() const {
  std::vector<garam::Adapter> adapters;
  for (const std::string& text : plain) adapters.push_back(parse_adapter(text));
  for (const std::string& text : scaled) {
    adapters.push_back(parse_adapter(text));
    if (adapters.back().path != text) continue;
    throw UsageError(formatted("--lora-scaled: expected FILE:SCALE, found \"{}\"", printable(text)));
  }
  return adapters;
}

void ModelOptions::define(CLI::App& app) {
  add_text(
      app, "-m,--model", path,
      "GGUF file (of a split one the first part) or Hugging Face folder (the story model in the program)",
      "FILE");
  add_number(app, "-t,--threads", threads, "Threads; 0 or -1: what the system grants", -1, kMaxThreads);
  add_text(app, "--kernels", kernels, "auto, portable, avx2, avx512 or neon; list: print those this CPU runs",
           "NAME");
  add_text(app, "--pack-cache", pack_cache,
           "Folder that keeps packed weights, so that the next load of this model maps them (none)", "DIR");
  add_flag(app, "--check-tensors", check_tensors,
           "Check every byte of packed weights from the pack cache; others are always checked");
  adapters.define(app);
}

void ModelOptions::check() const {
  adapters.adapters();
  kernel_set_of(kernels);
}

std::string ModelOptions::name() const {
  return path.empty() ? story_model().name : path;
}

garam::Model ModelOptions::load(const std::stop_token& stop) const {
  check();
  ProgressBar bar("loading");
  const garam::LoadOptions options{.kernels = kernel_set_of(kernels),
                                   .threads = static_cast<unsigned>(std::max(threads, 0)),
                                   .progress = bar.callback(),
                                   .stop = stop,
                                   .pack_cache = pack_cache,
                                   .check_tensors = check_tensors,
                                   .adapters = adapters.adapters()};
  garam::Model model =
      path.empty() ? garam::Model::load(story_model(), options) : garam::Model::load(path, options);
  bar.clear();
  if (model.pack_cache().use == garam::PackCacheUse::kFailed) {
    note("garam: pack cache: {}; loaded without it\n", printable(model.pack_cache().reason));
  }
  return model;
}

void CacheOptions::define(CLI::App& app) {
  const auto choice = [&](const char* name, std::string& value, const std::string& help) {
    add_choice(app, name, value, help, "TYPE", {"f16", "f32", "q8_0"});
  };
  choice("--cache-type", both, "Type of cached keys and values: f16, f32 or q8_0 (" + fallback + ")");
  choice("--cache-type-k", keys, "The same, also written -ctk; must equal -ctv");
  choice("--cache-type-v", values, "The same, also written -ctv; must equal -ctk");
}

garam::KvType CacheOptions::type() const {
  const std::string common = both.empty() ? fallback : both;
  const std::string& k = keys.empty() ? common : keys;
  const std::string& v = values.empty() ? common : values;
  if (k != v) {
    throw UsageError(
        formatted("keys and values are cached in one type: expected --cache-type-k and --cache-type-v "
                  "alike, found {} and "
                  "{}",
                  k, v));
  }
  return garam::parse_kv_type(k);
}

bool list_kernels(const ModelOptions& options) {
  if (options.kernels != "list") return false;
  for (const garam::KernelSet set : garam::available_kernel_sets()) print("{}\n", garam::to_string(set));
  return true;
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
      throw std::runtime_error(formatted("{}: number {}: expected a token id, found \"{}\"", printable(what),
                                         ids.size() + 1, printable(word.substr(0, 40))));
    }
    ids.push_back(*id);
    text.remove_prefix(word.size());
  }
}

}  // namespace cli
