// garam convert: a Hugging Face folder as a GGUF file.
#include <garam/convert.h>

#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"

namespace cli {
namespace {

struct Options {
  std::string from, to, type = "keep";
};

int run(const Options& o) {
  if (o.from.empty() || o.to.empty())
    throw UsageError("a folder and a file are needed: garam convert DIR OUT.gguf");
  if (o.type != "keep") check_weight_type(o.type);
  const Interrupt interrupt;
  ProgressBar bar("convert");
  garam::convert(
      o.from, o.to,
      {.type = o.type == "keep" ? "" : o.type, .progress = bar.callback(), .stop = interrupt.token()});
  return 0;
}

}  // namespace

Run define_convert(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  add_text(app, "DIR", o.from, "The folder: config.json, tokenizer.json, *.safetensors", "DIR");
  add_text(app, "OUT", o.to, "The GGUF file to write; it appears whole or not at all", "FILE");
  add_text(app, "--type,--outtype", o.type,
           "Type of the weights, as `garam quantize` has them; keep: as they are stored (default)", "TYPE");
  return [options] { return run(*options); };
}

}  // namespace cli
