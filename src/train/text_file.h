// Training text on the disk: whole files of UTF-8, JSON lines, and where long text may be cut.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "io/json.h"

namespace garam::training {

/// The whole file. Throws Error: kIo, kFormat when it is empty, larger than 4 GiB or not UTF-8, naming the
/// byte.
std::string read_text(const std::string& path);

/// Whether a file holds JSON lines: its name ends in .jsonl.
bool has_json_lines(const std::string& path);

/// body("file:line", object) for every line of `text` that is not blank. Throws Error(kFormat) for a line
/// that is no JSON or longer than 64 MiB, Error(kCancelled).
void each_json_line(const std::string& path, std::string_view text, const std::stop_token& stop,
                    const std::function<void(const std::string& where, JsonValue object)>& body);

/// Bytes of the first block of a text: up to 1 MiB, cut where no pre-tokenizer would go on over it, before
/// white space that follows a letter or digit of ASCII. Text without one in 1 MiB is cut between characters.
std::size_t block_of(std::string_view text);

/// Throws Error(kCancelled) when asked to stop.
void check_stop(const std::stop_token& stop);

}  // namespace garam::training
