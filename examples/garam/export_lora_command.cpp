// garam export-lora: a model file with adapters merged into its weights, under the name that llama.cpp's
// program has.
#include <algorithm>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"

namespace cli {
namespace {

struct Options {
  std::string model, out, type, kernels = "auto";
  AdapterOptions adapters;
  int threads = 0;
};

int run(const Options& o) {
  if (o.model.empty()) throw UsageError("a model is needed: -m FILE");
  if (o.out.empty()) throw UsageError("a file to write is needed: -o FILE");
  const std::vector<garam::Adapter> adapters = o.adapters.adapters();
  if (adapters.empty()) throw UsageError("an adapter is needed: --lora FILE");
  garam::MergeOptions options;
  options.type = o.type;
  options.threads = static_cast<unsigned>(std::max(o.threads, 0));
  options.kernels = kernel_set_of(o.kernels);
  const Interrupt interrupt;
  options.stop = interrupt.token();
  ProgressBar bar("merging");
  options.progress = bar.callback();
  const garam::MergeReport report = garam::merge_adapters(o.model, adapters, o.out, options);
  bar.clear();
  note("{} tensors merged, {} copied\n", report.merged, report.copied);
  return 0;
}

}  // namespace

Run define_export_lora(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  add_text(app, "-m,--model", o.model,
           "The base: GGUF file (of a split one the first part) or Hugging Face folder", "FILE");
  o.adapters.define(app);
  add_text(app, "-o,--output", o.out, "The GGUF file to write; it appears whole or not at all", "FILE");
  add_text(
      app, "--type", o.type,
      "Type of the matrices that change, such as f16 or q8_0; as they are where that is f32, f16 or bf16 "
      "(default)",
      "TYPE");
  add_number(app, "-t,--threads", o.threads, "Threads; 0 or -1: what the system grants", -1, 1024);
  add_text(app, "--kernels", o.kernels, "auto, portable, avx2, avx512, neon; changes no byte", "SET");
  return [options] { return run(*options); };
}

}  // namespace cli
