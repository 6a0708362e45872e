// Ctrl-C as a stop token: the first one asks the work to stop, the second one kills.
#pragma once

#include <stop_token>
#include <thread>

namespace cli {

/// While one of these lives (one at a time), SIGINT requests a stop.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::thread watcher_;
};

}  // namespace cli
