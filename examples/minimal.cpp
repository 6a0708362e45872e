// The README's example: load a model, open a session, print text as it is generated.
#include <garam/garam.h>
#include <cstdio>

int main(int argc, char** argv) try {
  const garam::Model model = garam::Model::load(argc > 1 ? argv[1] : "model.gguf");
  garam::Session session(model);
  garam::generate(session, "Once upon a time", {.max_tokens = 64, .temperature = 0.8f, .seed = 7},
                  [](std::string_view piece) {
                    std::fwrite(piece.data(), 1, piece.size(), stdout);
                    return std::fflush(stdout) == 0;
                  });
  std::puts("");
} catch (const garam::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
