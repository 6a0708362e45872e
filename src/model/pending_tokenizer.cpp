// A shared future; the one of std::async waits in its destructor.
#include "model/pending_tokenizer.h"

#include <memory>
#include <system_error>
#include <utility>

#include "base/float_env.h"

namespace garam {

void PendingTokenizer::build(VocabData data, const std::string& source) {
  std::promise<Tokenizer> promise;
  promise.set_value(make_tokenizer(std::move(data), source));
  tokenizer_ = promise.get_future().share();
}

void PendingTokenizer::start(VocabData data, const std::string& source) {
  // Shared, so that it is still there when no thread could be started.
  const auto shared = std::make_shared<VocabData>(std::move(data));
  const auto make = [shared, source] {
    const FloatEnvironment environment;
    return make_tokenizer(std::move(*shared), source);
  };
  try {
    tokenizer_ = std::async(std::launch::async, make).share();
  } catch (const std::system_error&) {
    std::packaged_task<Tokenizer()> task(make);
    tokenizer_ = task.get_future().share();
    task();
  }
}

const Tokenizer* PendingTokenizer::get() const {
  const std::shared_future<Tokenizer> mine = tokenizer_;  // one object each, as the standard has it
  return mine.valid() ? &mine.get() : nullptr;
}

}  // namespace garam
