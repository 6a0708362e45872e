// garam tokenize and garam detokenize: ids on one line, text as it is.
#include <memory>

#include "command_line.h"
#include "console.h"
#include "json.h"
#include "story_model.h"

namespace cli {
namespace {

struct Options {
  std::string model;
  std::string text, prompt, file;
  std::vector<std::string> ids;
  CLI::Option *has_text = nullptr, *has_prompt = nullptr, *has_file = nullptr;
  garam::EncodeOptions encode;
  garam::DecodeOptions decode;
  bool jsonl = false;
};

garam::Tokenizer tokenizer(const Options& o) {
  return o.model.empty() ? garam::load_tokenizer(story_model()) : garam::load_tokenizer(o.model);
}

EncodeRequest read_request(const std::string& line, std::size_t number,
                           const garam::EncodeOptions& defaults) try {
  return parse_encode_request(line, defaults);
} catch (const std::runtime_error& error) {
  throw std::runtime_error(formatted("line {}: expected {{\"text\", \"add_special\", \"parse_special\"}}: {}",
                                     number, printable(error.what())));
}

int encode_lines(const Options& o) {
  const std::string path = given(o.has_file) ? o.file : "-";
  const Input input = open_input(path);
  const garam::Tokenizer with = tokenizer(o);
  std::string line;
  for (std::size_t number = 1; read_line(input, path, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    // Written line by line, so that a program can ask and wait for the answer.
    const EncodeRequest request = read_request(line, number, o.encode);
    write_out(to_json(with.encode(request.text, request.options)) + "\n");
  }
  return 0;
}

int tokenize(const Options& o) {
  const bool has_file = given(o.has_file);
  const bool has_text = given(o.has_text) || given(o.has_prompt);
  if (o.jsonl) {
    if (has_text) throw UsageError("--jsonl reads from -f FILE or from stdin");
    return encode_lines(o);
  }
  std::string text = given(o.has_prompt) ? o.prompt : o.text;
  if (!has_text) text = read_file(has_file ? o.file : "-");
  cli::print("{}\n", joined(tokenizer(o).encode(text, o.encode), " "));
  return 0;
}

int detokenize(const Options& o) {
  const bool from_stdin = o.ids.empty() && !given(o.has_file);
  const std::vector<std::int32_t> ids =
      !o.ids.empty() ? parse_ids(joined(o.ids, " "), "ids")
                     : parse_ids(read_file(from_stdin ? "-" : o.file), from_stdin ? "stdin" : o.file);
  write_out(tokenizer(o).decode(ids, o.decode) + "\n");
  return 0;
}

}  // namespace

Run define_tokenize(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  add_text(app, "-m,--model", o.model,
           "GGUF file or Hugging Face folder, whose weights are not read (the story model in the program)",
           "FILE");
  o.has_text = add_text(app, "TEXT", o.text, "The text; without any, stdin is read to its end");
  o.has_prompt = add_text(app, "-p,--prompt", o.prompt, "The text, as without -p", "TEXT");
  o.has_file = add_text(app, "-f,--file", o.file, "Read the text from a file; -: stdin", "FILE");
  exclude(o.has_file, {o.has_text, o.has_prompt});
  exclude(o.has_text, {o.has_prompt});
  add_flag(app, "--add-special,!--no-special,!--no-bos", o.encode.add_special,
           "Add BOS and EOS as the vocabulary wants (default)");
  add_flag(app, "--parse-special,!--no-parse-special", o.encode.parse_special,
           "Read control tokens written in the text");
  add_flag(app, "--jsonl", o.jsonl,
           "Lines of {\"text\", \"add_special\", \"parse_special\"} in, lines of {\"ids\"} out");
  return [options] { return tokenize(*options); };
}

Run define_detokenize(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  add_text(app, "-m,--model", o.model,
           "GGUF file or Hugging Face folder, whose weights are not read (the story model in the program)",
           "FILE");
  CLI::Option* ids = add_bare(app, "ID", o.ids, "Token ids; without any, stdin is read to its end");
  o.has_file = add_text(app, "-f,--file", o.file, "Read the ids from a file; -: stdin", "FILE");
  exclude(o.has_file, {ids});
  add_flag(app, "--special", o.decode.special, "Write control tokens out");
  return [options] { return detokenize(*options); };
}

}  // namespace cli
