// A signal handler may do next to nothing, and requesting a stop is more than that: it posts a semaphore, and
// a thread does the rest.
#include "interrupt.h"

#include <semaphore.h>
#include <signal.h>

#include <atomic>
#include <cerrno>

namespace cli {
namespace {

sem_t wake;
std::atomic<bool> interrupted;  // told from the wake-up at the end
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_interrupt(int) {
  const int saved = errno;
  interrupted = true;
  sem_post(&wake);
  errno = saved;
}

}  // namespace

Interrupt::Interrupt() {
  interrupted = false;
  sem_init(&wake, 0, 0);
  watcher_ = std::thread([this] {
    while (sem_wait(&wake) != 0) {
    }
    if (interrupted) source_.request_stop();
  });
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  // The handler removes itself, so a second Ctrl-C kills; calls under way are restarted, not failed.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() {
  signal(SIGINT, SIG_DFL);
  sem_post(&wake);
  watcher_.join();
  sem_destroy(&wake);
}

}  // namespace cli
