// Worlds and the stories told of them.
#pragma once

#include <string>
#include <vector>

#include "language.h"

namespace story {

/// The three things a story is asked for by, as rows of their sections.
struct Cast {
  std::size_t name = 0, animal = 0, object = 0;
};

/// Which casts a world may have. One in 16 is never trained on.
enum class Casts { kTrained, kHeldOut };
bool is_held_out(const Cast& cast);

/// A random choice for every slot. Nothing that `apart` has is chosen again, so that a question about one
/// world has no answer in the other.
World draw_world(const Language& language, Random& random, Casts casts, const World& apart = {});

struct Story {
  std::string text;
  Facts facts;
};

/// How a story is told; of a hundred.
struct Manner {
  /// Of the beats that may be left out, so many are told.
  std::size_t optional = 50;
  /// Of the sentences that begin with the hero's name, so many say the animal too.
  std::size_t full_names = 0;
};

/// A story of a random plot of a section, "plots" or "tiny_plots"; fills in {ask}, what the plot does with
/// the object.
Story tell(const Language& language, Random& random, World& world, std::string_view section = "plots",
           Manner manner = {});
/// A sentence or two about the hero, and `more` facts.
Story portray(const Language& language, Random& random, const World& world, std::size_t more);
/// A pattern of a portrait that names its hero, and the hero of a world told by it.
std::string_view portrait_pattern(const Language& language, Random& random);
Story tell_pattern(const Language& language, const World& world, std::string_view pattern);

struct Answered {
  std::string question, answer;
};

/// A question whose answer `facts` hold. `section`: "questions" or "portrait_questions".
Answered ask(const Language& language, Random& random, std::string_view section, const World& world,
             const Facts& facts);
/// A question that they do not answer: about somebody or something of the world `other`, or about what was
/// not told.
Answered ask_unknown(const Language& language, Random& random, std::string_view section, const World& world,
                     const Facts& facts, const World& other);

/// {"name": .., "animal": .., "object": .., "place": .., "feeling": ..} of what was told.
std::string as_json(const World& world, const Facts& facts);

}  // namespace story
