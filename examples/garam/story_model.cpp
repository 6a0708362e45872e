// The assembler reads the file: as an array in C++ its 3.5 MB would take the compiler minutes.
#include "story_model.h"

asm(".pushsection .rodata\n"
    ".balign 64\n"
    "garam_story_model_begin:\n"
    ".incbin \"" GARAM_STORY_MODEL
    "\"\n"
    "garam_story_model_end:\n"
    ".popsection\n");

extern "C" const std::byte garam_story_model_begin[], garam_story_model_end[];

namespace cli {

garam::ModelBytes story_model() {
  return {{garam_story_model_begin, garam_story_model_end}, "story.gguf (in the program)"};
}

}  // namespace cli
