// garam tokenize and garam detokenize: ids on one line, text as it is.
#include <memory>
#include <nlohmann/json.hpp>

#include "command_line.h"
#include "console.h"

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
  if (o.model.empty()) throw UsageError("a model is needed: -m FILE");
  return garam::load_tokenizer(o.model);
}

/// One line of --jsonl in, one out. Throws nlohmann::json::exception for what is not as described.
std::string encode_line(const garam::Tokenizer& tokenizer, std::string_view line,
                        const garam::EncodeOptions& defaults) {
  const auto request = nlohmann::json::parse(line);
  const garam::EncodeOptions options{.add_special = request.value("add_special", defaults.add_special),
                                     .parse_special = request.value("parse_special", defaults.parse_special)};
  const auto ids = tokenizer.encode(request.at("text").get_ref<const std::string&>(), options);
  return nlohmann::json{{"ids", ids}}.dump();
}

int encode_lines(const Options& o) {
  const std::string path = o.has_file->count() > 0 ? o.file : "-";
  const Input input = open_input(path);
  const garam::Tokenizer with = tokenizer(o);
  std::string line;
  for (std::size_t number = 1; read_line(input, path, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      // Written line by line, so that a program can ask and wait for the answer.
      write_out(encode_line(with, line, o.encode) + "\n");
    } catch (const nlohmann::json::exception& error) {
      throw std::runtime_error(
          fmt::format("line {}: expected {{\"text\", \"add_special\", \"parse_special\"}}: {}", number,
                      printable(error.what())));
    }
  }
  return 0;
}

int tokenize(const Options& o) {
  const bool has_file = o.has_file->count() > 0;
  const bool has_text = o.has_text->count() + o.has_prompt->count() > 0;
  if (o.jsonl) {
    if (has_text) throw UsageError("--jsonl reads from -f FILE or from stdin");
    return encode_lines(o);
  }
  std::string text = o.has_prompt->count() > 0 ? o.prompt : o.text;
  if (!has_text) text = read_file(has_file ? o.file : "-");
  cli::print("{}\n", fmt::join(tokenizer(o).encode(text, o.encode), " "));
  return 0;
}

int detokenize(const Options& o) {
  const bool from_stdin = o.ids.empty() && o.has_file->count() == 0;
  const std::vector<std::int32_t> ids =
      !o.ids.empty() ? parse_ids(fmt::format("{}", fmt::join(o.ids, " ")), "ids")
                     : parse_ids(read_file(from_stdin ? "-" : o.file), from_stdin ? "stdin" : o.file);
  write_out(tokenizer(o).decode(ids, o.decode) + "\n");
  return 0;
}

}  // namespace

Run define_tokenize(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  app.add_option("-m,--model", o.model, "GGUF file; its weights are not read")->type_name("FILE");
  o.has_text = app.add_option("TEXT", o.text, "The text; without any, stdin is read to its end");
  o.has_text->type_name("");
  o.has_prompt = app.add_option("-p,--prompt", o.prompt, "The text, as without -p")->type_name("TEXT");
  o.has_file = app.add_option("-f,--file", o.file, "Read the text from a file; -: stdin")->type_name("FILE");
  o.has_file->excludes(o.has_text, o.has_prompt);
  o.has_text->excludes(o.has_prompt);
  app.add_flag("--add-special,!--no-special,!--no-bos", o.encode.add_special,
               "Add BOS and EOS as the vocabulary wants (default)");
  app.add_flag("--parse-special,!--no-parse-special", o.encode.parse_special,
               "Read control tokens written in the text");
  app.add_flag("--jsonl", o.jsonl,
               "Lines of {\"text\", \"add_special\", \"parse_special\"} in, lines of {\"ids\"} out");
  return [options] { return tokenize(*options); };
}

Run define_detokenize(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  app.add_option("-m,--model", o.model, "GGUF file; its weights are not read")->type_name("FILE");
  CLI::Option* ids = app.add_option("ID", o.ids, "Token ids; without any, stdin is read to its end");
  ids->type_name("");
  o.has_file = app.add_option("-f,--file", o.file, "Read the ids from a file; -: stdin")->type_name("FILE");
  o.has_file->excludes(ids);
  app.add_flag("--special", o.decode.special, "Write control tokens out");
  return [options] { return detokenize(*options); };
}

}  // namespace cli
