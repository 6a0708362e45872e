// garam train: a language model from text, or a fine-tuned one.
#include <garam/train.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "command_line.h"
#include "console.h"
#include "interrupt.h"

namespace cli {
namespace {

struct Options {
  std::vector<std::string> arguments;  // CONFIG
  std::string kernels = "auto";
  int threads = 0;
  bool resume = false, restart = false, quiet = false;
};

std::string duration(double seconds) {
  const auto s = static_cast<long long>(std::min(std::max(seconds, 0.0), 1e9) + 0.5);
  if (s < 60) return formatted("{} s", s);
  if (s < 3600) return formatted("{}:{:02} min", s / 60, s % 60);
  return formatted("{}:{:02} h", s / 3600, s / 60 % 60);
}

/// One line that is written over on a terminal; elsewhere about a hundred lines, and one for every
/// measurement.
class StatusLine {
 public:
  explicit StatusLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}
  ~StatusLine() {
    if (shown_) note("\n");
  }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void show(const garam::TrainStatus& s) {
    if (quiet_) return;
    if (s.held_out) held_out_ = formatted("  held out {:.4f}", *s.held_out);
    const bool due =
        s.held_out || s.step == s.steps || s.step % std::max<std::uint64_t>(1, s.steps / 100) == 0;
    if (!terminal_ && !due) return;
    const std::string line = formatted(
        "step {}/{}  loss {:.4f}{}  rate {:.2e}  norm {:.2f}  {:.0f} tokens/s  {} left", s.step, s.steps,
        s.loss, held_out_, s.learning_rate, s.gradient_norm, s.tokens_per_second, duration(s.seconds_left));
    if (terminal_) {
      note("\r\x1b[K{}", line);
      shown_ = true;
    } else {
      note("{}\n", line);
    }
  }

 private:
  bool quiet_, terminal_, shown_ = false;
  std::string held_out_;
};

int run(const Options& o) {
  if (o.arguments.size() != 1) throw UsageError("CONFIG.json is needed");
  if (o.resume && o.restart) throw UsageError("--resume and --restart exclude each other");
  garam::TrainOptions options;
  options.threads = static_cast<unsigned>(std::max(o.threads, 0));
  options.kernels = kernel_set_of(o.kernels);
  const garam::TrainConfig config = garam::TrainConfig::read(o.arguments[0]);
  if (o.resume) options.resume = garam::Resume::kResume;
  if (o.restart) options.resume = garam::Resume::kRestart;
  const Interrupt interrupt;
  options.stop = interrupt.token();
  garam::TrainReport report;
  try {
    StatusLine line(o.quiet);
    options.on_step = [&](const garam::TrainStatus& status) { line.show(status); };
    report = garam::train(config, options);
  } catch (const garam::Error& error) {
    if (error.code() != garam::ErrorCode::kCancelled) throw;
    note("garam: {}\n", printable(error.what()));
    return kExitInterrupted;
  }
  print("{}: {} parameters{}, {} steps, loss {:.4f}{}\n", printable(config.output), report.parameters,
        report.trained != report.parameters ? formatted(" ({} trained)", report.trained) : "", report.steps,
        report.loss, report.held_out ? formatted(", held out {:.4f}", *report.held_out) : "");
  return 0;
}

}  // namespace

Run define_train(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  add_bare(app, "CONFIG", o.arguments, "JSON file that says what is trained on what (docs/training.md)");
  add_flag(app, "--resume", o.resume, "Go on from the checkpoint of an interrupted run");
  add_flag(app, "--restart", o.restart, "Begin anew although there is a checkpoint");
  add_flag(app, "-q,--quiet", o.quiet, "No progress");
  add_number(app, "-t,--threads", o.threads, "Threads; 0 or -1: what the system grants", -1, 1024);
  add_text(app, "--kernels", o.kernels, "auto, portable, avx2, avx512, neon; changes no byte", "SET");
  return [options] { return run(*options); };
}

}  // namespace cli
