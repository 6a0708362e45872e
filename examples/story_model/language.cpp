// Words and sentence patterns.
#include "language.h"

#include <fstream>
#include <stdexcept>

#include "korean.h"

namespace story {
namespace {

Fields split(std::string_view text, char at) {
  Fields fields;
  for (std::size_t end; (end = text.find(at)) != std::string_view::npos; text.remove_prefix(end + 1)) {
    fields.emplace_back(text.substr(0, end));
  }
  fields.emplace_back(text);
  return fields;
}

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
char other_case(char c) {
  return static_cast<char>(c ^ 0x20);
}

/// {a:object}, {object:을}, {Object} in parts.
struct Slot {
  std::string name;
  std::string_view particle;
  bool article = false, capital = false;

  explicit Slot(std::string_view text) {
    if (text.starts_with("a:")) {
      article = true;
      text.remove_prefix(2);
    }
    if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
      particle = text.substr(colon + 1);
      text = text.substr(0, colon);
    }
    name = text;
    if (!name.empty() && is_upper(name[0])) {
      capital = true;
      name[0] = other_case(name[0]);
    }
  }

  std::string apply(std::string word) const {
    if (article)
      word.insert(0, std::string_view("aeiou").find(word[0]) == std::string_view::npos ? "a " : "an ");
    if (capital && word[0] >= 'a' && word[0] <= 'z') word[0] = other_case(word[0]);
    return particle.empty() ? word : with_particle(word, particle);
  }
};

/// Calls text(piece) and slot(Slot) in order.
template <typename Text, typename OnSlot>
void walk(std::string_view pattern, const Text& text, const OnSlot& slot) {
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    text(pattern.substr(0, open));
    if (open == std::string_view::npos) return;
    const std::size_t close = pattern.find('}', open);
    if (close == std::string_view::npos) throw std::runtime_error("{ without }: " + std::string(pattern));
    slot(Slot(pattern.substr(open + 1, close - open - 1)));
    pattern.remove_prefix(close + 1);
  }
}

}  // namespace

Language::Language(const std::string& path) : path_(path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  Section* section = nullptr;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[' && line.back() == ']') {
      const Fields header = split(std::string_view(line).substr(1, line.size() - 2), ':');
      section = &sections_[header[0]];
      if (header.size() > 1) section->slots = split(std::string_view(header[1]).substr(1), ' ');
      continue;
    }
    if (section == nullptr)
      throw std::runtime_error(path + ":" + std::to_string(number) + ": text before a [section]");
    section->choices.push_back(split(line, '|'));
    if (section->choices.back().size() < section->slots.size()) {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": fewer fields than slots");
    }
  }
}

const Section& Language::section(std::string_view name) const {
  const auto found = sections_.find(name);
  if (found == sections_.end()) throw std::runtime_error(path_ + ": no section [" + std::string(name) + "]");
  return found->second;
}

std::string Language::fill(std::string_view pattern, const World& world, Facts& facts) const {
  std::string out;
  walk(
      pattern, [&](std::string_view text) { out += text; },
      [&](const Slot& slot) {
        const auto found = world.find(slot.name);
        if (found == world.end())
          throw std::runtime_error(path_ + ": nothing to put for {" + slot.name + "}");
        facts.insert(slot.name);
        out += slot.apply(fill(found->second, world, facts));
      });
  return out;
}

Facts Language::slots_of(std::string_view pattern) {
  Facts names;
  walk(
      pattern, [](std::string_view) {}, [&](const Slot& slot) { names.insert(slot.name); });
  return names;
}

}  // namespace story
