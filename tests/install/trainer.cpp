// Links the training component: a configuration that is not there is an error of the library's.
#include <garam/garam.h>
#include <garam/train.h>

#include <cstdio>

int main() {
  try {
    garam::train(garam::TrainConfig::read("none.json"));
  } catch (const garam::Error& error) {
    std::puts(error.what());
    return error.code() == garam::ErrorCode::kIo ? 0 : 1;
  }
  return 1;
}
