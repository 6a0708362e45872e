// garam: the command line program. Chooses the subcommand and turns failures into messages and exit codes:
// 0 done, 1 failed, 2 wrong usage, 130 interrupted.
#include <fcntl.h>
#include <garam/garam.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <new>

#include "command_line.h"
#include "console.h"

namespace cli {
namespace {

constexpr Command kCommands[] = {
    {"generate", "Continue a prompt", define_generate},
    {"tokenize", "Text to token ids", define_tokenize},
    {"detokenize", "Token ids to text", define_detokenize},
    {"inspect", "What a model file says about itself, and the memory it will take", define_inspect},
    {"bench", "Measure prompt reading, generation and generation of several sequences", define_bench},
    {"quantize", "Write a model with smaller weights", define_quantize},
    {"imatrix", "Measure over a text which weights matter, for quantize", define_imatrix},
    {"perplexity", "Measure how well a model predicts a text, or compare two models", define_perplexity},
    {"score", "What a reranker or a reward model says of a text", define_score},
    {"logits", "Write the logits of given tokens to a file", define_logits},
    {"convert", "Write a Hugging Face folder as a GGUF file", define_convert},
#ifndef GARAM_WITHOUT_TRAINING
    {"train", "Train a model on text, or fine-tune one", define_train},
    {"train-tokenizer", "Learn a vocabulary from text", define_train_tokenizer},
#endif
    {"export-lora", "Write a model with adapters merged into its weights", define_export_lora},
};

std::string usage() {
  std::string text = "Usage: garam COMMAND [OPTIONS]\n\nCommands:\n";
  for (const Command& command : kCommands) text += formatted("  {:<17}{}\n", command.name, command.summary);
  text +=
      "\n`garam COMMAND --help` tells the options of a command. Every long option can also be given as an\n"
      "environment variable, for instance GARAM_ARG_MODEL for --model; an argument comes first.\n"
      "`garam --version` prints the version, `garam --kernels` the instruction sets this CPU can compute "
      "with.\n"
      "\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n";
  return text;
}

const Command* find_command(const std::vector<std::string>& arguments) {
  for (const Command& command : kCommands) {
    if (!arguments.empty() && arguments.front() == command.name) return &command;
  }
  return nullptr;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError("a command is needed");
  const std::string& first = arguments.front();
  if (first == "-h" || first == "--help" || first == "help") {
    write_out(usage());
    return 0;
  }
  if (first == "--version") {
    print("garam {}\n", garam::version());
    return 0;
  }
  if (first == "--kernels") {
    for (const garam::KernelSet set : garam::available_kernel_sets()) print("{}\n", garam::to_string(set));
    return 0;
  }
  if (const Command* command = find_command(arguments)) {
    return run_command(*command, {arguments.begin() + 1, arguments.end()});
  }
  throw UsageError(formatted("{}: unknown command", first));
}

int guarded(const std::vector<std::string>& arguments) {
  try {
    return run(arguments);
  } catch (const UsageError& error) {
    const Command* command = find_command(arguments);
    note("garam: {}\nTry `garam {}--help`.\n", printable(error.what()),
         command ? formatted("{} ", command->name) : "");
    return kExitUsage;
  } catch (const garam::Error& error) {
    if (error.code() == garam::ErrorCode::kCancelled) {
      note("garam: interrupted\n");
      return kExitInterrupted;
    }
    note("garam: {}\n", printable(error.what()));
  } catch (const std::bad_alloc&) {
    note("garam: out of memory\n");
  } catch (const std::exception& error) {
    note("garam: {}\n", printable(error.what()));
  }
  return kExitFailure;
}

/// Takes the places of streams that were closed by the caller, so that no file is opened there and then
/// written to as if it were the terminal. What cannot be written fails with an error, as a closed one does.
void fill_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0) continue;
    // open() takes the lowest free number, which is this one.
    if (open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) != stream) return;
  }
}

}  // namespace
}  // namespace cli

int main(int argc, char** argv) {
  cli::fill_closed_streams();
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, which write_out() reports
  return cli::guarded(std::vector<std::string>(argv + 1, argv + std::max(argc, 1)));
}
