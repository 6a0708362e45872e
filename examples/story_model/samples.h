// Documents to train on, and prompts to be examined by.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "story.h"

namespace story {

/// Control tokens of the vocabulary. Every answer, and every document, ends with the first.
inline constexpr std::string_view kEnd = "<|endoftext|>", kUser = "<|user|>", kAssistant = "<|assistant|>";

/// What a user says, up to where the answer begins.
std::string turn(std::string_view user);

/// One training document: a story, or a chat of requests for stories, questions about a text, and JSON.
struct Document {
  std::string prompt;  ///< what is not to be learned: a text with its first question, a request; may be empty
  std::string text;    ///< behind it, without the last <|endoftext|>
  std::string story;   ///< the story or the portraits in it; empty where there is none
};

enum class Course {
  /// Lists of words to be repeated; short documents of two or three sentences, over which a model learns to
  /// copy in a fraction of the steps that it needs over a hundred words; facts of three words, which of them
  /// is whose; then more and more stories, all but a tenth of the end.
  kWhole,
  /// From a word to whose it is, the other way round: over one word, over more, over sentences. Then as at
  /// the end of the whole, with more portraits and more questions that have no answer.
  kWhose,
  /// As at the end of the whole, with more stories.
  kEnd,
};

/// Calls take(i, document) for i from 0 to `count` - 1; even ones are English, odd ones Korean.
void draw_documents(const Language& english, const Language& korean, std::size_t count, std::uint64_t seed,
                    Course course, const std::function<void(std::size_t i, const Document&)>& take);

/// A request for a story of a cast that no document has.
struct Request {
  std::string prompt;  ///< ends with <|assistant|>
  std::string name, animal, object;
};
Request held_out_request(const Language& language, Random& random);

/// A question about a text whose hero no document has.
struct Examination {
  std::string prompt;  ///< ends with <|assistant|>
  std::string answer;
};
Examination held_out_question(const Language& language, Random& random, bool answerable);
/// A story to be put into JSON.
Examination held_out_json(const Language& language, Random& random);

}  // namespace story
