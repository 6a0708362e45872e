// Growth of working memory.
#include "train/scratch.h"

namespace garam::training {

float* Buffer::floats(std::size_t count) {
  if (memory_.size() < count * sizeof(float)) memory_ = Memory(count * sizeof(float), "training");
  return reinterpret_cast<float*>(memory_.data());
}

}  // namespace garam::training
