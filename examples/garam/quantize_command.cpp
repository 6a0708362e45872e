// garam quantize: a model file with smaller weights.
#include <algorithm>
#include <cctype>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"

namespace cli {
namespace {

struct Options {
  std::vector<std::string> arguments;  // IN OUT TYPE
  std::string importance, output_type, embedding_type, kernels = "auto";
  bool requantize = false, pure = false;
  int threads = 0;
};

std::string type_list() {
  std::string text;
  for (const std::string_view name : garam::quantize_types()) {
    text += (text.empty() ? "" : ", ") + std::string(name);
  }
  return text;
}

void print_report(const garam::QuantizeReport& report) {
  for (const garam::QuantizedTensor& tensor : report.tensors) {
    const std::string change = tensor.from == tensor.to ? tensor.to : tensor.from + " -> " + tensor.to;
    print("{:<44} {:<16} {:>12}{}\n", printable(tensor.name), change, tensor.bytes_to,
          tensor.important ? "  weighted" : "");
  }
  const double factor = report.bytes_from > 0
                            ? static_cast<double>(report.bytes_to) / static_cast<double>(report.bytes_from)
                            : 1.0;
  print("{} -> {} bytes of weights ({:.3f})\n", report.bytes_from, report.bytes_to, factor);
}

int run(const Options& o) {
  if (o.arguments.size() != 3) throw UsageError("IN, OUT and TYPE are needed");
  const std::string &in = o.arguments[0], &out = o.arguments[1], &type = o.arguments[2];
  check_weight_type(type);
  garam::QuantizeOptions options;
  options.importance = o.importance;
  options.requantize = o.requantize;
  options.pure = o.pure;
  options.output_type = o.output_type;
  options.embedding_type = o.embedding_type;
  options.threads = static_cast<unsigned>(std::max(o.threads, 0));
  options.kernels = kernel_set_of(o.kernels);
  const Interrupt interrupt;
  options.stop = interrupt.token();
  ProgressBar bar("quantize");
  options.progress = bar.callback();
  const garam::QuantizeReport report = garam::quantize(in, out, type, options);
  bar.clear();
  print_report(report);
  return 0;
}

}  // namespace

void check_weight_type(const std::string& type) {
  const auto same = [](unsigned char a, unsigned char b) { return std::toupper(a) == std::toupper(b); };
  for (const std::string_view name : garam::quantize_types()) {
    if (std::equal(name.begin(), name.end(), type.begin(), type.end(), same)) return;
  }
  throw UsageError(formatted("type: expected one of {}, found \"{}\"", type_list(), printable(type)));
}

Run define_quantize(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  add_bare(app, "FILES", o.arguments, "IN OUT TYPE: a model, the new file, and one of " + type_list());
  add_text(app, "--imatrix", o.importance, "Importance matrix of `garam imatrix` or of llama.cpp", "FILE");
  add_flag(app, "--requantize,--allow-requantize", o.requantize, "Also tensors that are quantised already");
  add_flag(app, "--pure", o.pure, "TYPE for every matrix instead of a mix");
  add_text(app, "--output-tensor-type", o.output_type, "Type of output.weight", "TYPE");
  add_text(app, "--token-embedding-type", o.embedding_type, "Type of token_embd.weight", "TYPE");
  add_number(app, "-t,--threads", o.threads, "Threads; 0 or -1: what the system grants", -1, 1024);
  add_text(app, "--kernels", o.kernels, "auto, portable, avx2, avx512, neon; changes no byte", "SET");
  return [options] { return run(*options); };
}

}  // namespace cli
