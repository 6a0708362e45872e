// garam imatrix: an importance matrix for `garam quantize`, measured over a text.
#include <filesystem>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"

namespace cli {
namespace {

struct Options {
  ModelOptions model;
  std::string text, out = "imatrix.gguf";
  std::size_t chunk = 512, chunks = 0;
  bool parse_special = false;
};

int run(const Options& o) {
  if (list_kernels(o.model)) return 0;
  o.model.check();
  if (o.text.empty()) throw UsageError("a text is needed: -f FILE");
  const std::string text = read_file(o.text);
  const Interrupt interrupt;
  const garam::Model model = o.model.load(interrupt.token());
  const auto tokens =
      model.tokenizer().encode(text, {.add_special = false, .parse_special = o.parse_special});
  ProgressBar bar("imatrix");
  const std::string name = o.text == "-" ? "stdin" : std::filesystem::path(o.text).filename().string();
  const garam::ImportanceReport report = garam::measure_importance(model, tokens, o.out,
                                                                   {.chunk = o.chunk,
                                                                    .chunks = o.chunks,
                                                                    .dataset = name,
                                                                    .progress = bar.callback(),
                                                                    .stop = interrupt.token()});
  bar.clear();
  note("{}: {} matrices over {} chunks of {} tokens\n", printable(o.out), report.tensors, report.chunks,
       o.chunk);
  if (report.unseen > 0) {
    note("{} of them are mixtures with experts that no token chose; those count all columns the same\n",
         report.unseen);
  }
  return 0;
}

}  // namespace

Run define_imatrix(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  o.model.define(app);
  add_text(app, "-f,--file", o.text, "Text to measure over; -: stdin", "FILE");
  add_text(app, "-o,--output-file,--output", o.out, "Where the matrix goes (imatrix.gguf)", "FILE");
  add_number(app, "-c,--ctx-size", o.chunk, "Tokens of a chunk (512)", 1, kMaxContext);
  add_number(app, "--chunks", o.chunks, "At most this many chunks; 0: the whole text (default)", 0,
             kMaxContext);
  add_flag(app, "--parse-special", o.parse_special, "Read control tokens written out in the text");
  return [options] { return run(*options); };
}

}  // namespace cli
