// The model in the box: examples/story_model/story.gguf, linked into the program.
#pragma once

#include <garam/model.h>

namespace cli {

/// For the commands that are given no -m.
garam::ModelBytes story_model();

}  // namespace cli
