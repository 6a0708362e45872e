// The words and sentence patterns of one language, read from patterns/*.txt.
//
// A file has sections, opened by [name] or [name: slot slot ..]; every other line that is not empty and does
// not begin with # is one choice of its section, of fields that are separated by |. With slots, a choice
// gives each slot its field. A field is text with slots to fill in: {object}, {object:을} (Korean: with that
// particle), {a:object} (English: with "a" or "an"), {Place} (with a capital letter).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "random.h"

namespace story {

using Fields = std::vector<std::string>;
/// What slots are filled with.
using World = std::map<std::string, std::string, std::less<>>;
/// Slots that were filled in, and "@beat" of every beat that was told.
using Facts = std::set<std::string, std::less<>>;

struct Section {
  std::vector<std::string> slots;
  std::vector<Fields> choices;

  const Fields& draw(Random& random) const { return choices[random.below(choices.size())]; }
};

class Language {
 public:
  /// Throws std::runtime_error naming file and line.
  explicit Language(const std::string& path);

  /// Throws std::runtime_error when there is none.
  const Section& section(std::string_view name) const;
  /// Fills the slots of `pattern`, those within slots too, and adds the ones used to `facts`. Throws
  /// std::runtime_error for a slot that `world` does not have.
  std::string fill(std::string_view pattern, const World& world, Facts& facts) const;
  std::string fill(std::string_view pattern, const World& world) const {
    Facts facts;
    return fill(pattern, world, facts);
  }
  /// The names of the slots of `pattern`, without those within them.
  static Facts slots_of(std::string_view pattern);

 private:
  std::string path_;
  std::map<std::string, Section, std::less<>> sections_;
};

}  // namespace story
