// A program of somebody else's: includes everything public, links the library, calls into most of its parts.
// Prints the version it runs with, so that the test sees that header and library are of one garam.
#include <garam/garam.h>

#include <iostream>
#include <string>

int main() {
  const std::string header = std::to_string(GARAM_VERSION_MAJOR) + "." + std::to_string(GARAM_VERSION_MINOR) +
                             "." + std::to_string(GARAM_VERSION_PATCH);
  if (header != garam::version()) {
    std::cerr << "headers of " << header << ", library of " << garam::version() << "\n";
    return 1;
  }
  if (garam::available_kernel_sets().empty() || garam::default_threads() == 0) return 1;
  try {
    garam::Session session(garam::Model::load("no-such-file.gguf"));
    garam::generate(session, "Once", {.max_tokens = 1});
  } catch (const garam::Error& error) {
    if (error.code() != garam::ErrorCode::kIo) return 1;
    std::cout << "garam " << garam::version() << ": " << error.what() << "\n";
    return 0;
  }
  return 1;
}
