// Programs run as their users run them: a process of its own, with arguments, environment and streams that
// the test chooses, and what it did afterwards.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "support/temp_dir.h"
#include "support/tiny_model.h"

extern "C" char** environ;

namespace garam::test {

/// What a program left behind.
struct Finished {
  int code = -1;   // exit code; -1 when a signal ended it
  int signal = 0;  // that signal
  std::string out, err;
};

/// gtest's printer.
inline void PrintTo(const Finished& f, std::ostream* stream) {
  *stream << "exit code " << f.code << ", signal " << f.signal << "\nstdout: " << f.out
          << "\nstderr: " << f.err;
}

/// Where stdout or stderr of a program goes.
inline constexpr const char* kCaptured = nullptr;
inline constexpr const char* kClosed = "";

struct Program {
  std::string path = GARAM_CLI;
  std::vector<std::string> environment{};  // "NAME=VALUE", besides what the test itself has
  std::string input{};                     // on stdin
  const char* out = kCaptured;             // or kClosed, or a file to open
  const char* err = kCaptured;
  // Called once, when at least `after_bytes` have come from stdout.
  std::size_t after_bytes = 0;
  std::function<void(pid_t)> then{};
};

/// A pipe whose ends are closed with it.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int end(int which) const { return ends_[which]; }
  void close(int which) {
    if (ends_[which] >= 0) ::close(ends_[which]);
    ends_[which] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

/// The variables that a test must not inherit: they change what the program does.
inline std::vector<std::string> clean_environment(const std::vector<std::string>& more) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const bool ours = variable.starts_with("GARAM_ARG_") || variable.starts_with("GARAM_KERNELS=");
    if (!ours && !variable.starts_with("TERM=") && !variable.starts_with("NO_COLOR=")) {
      variables.emplace_back(variable);
    }
  }
  variables.insert(variables.end(), more.begin(), more.end());
  return variables;
}

inline std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// Runs a program to its end, or for two minutes.
inline Finished run(const Program& program, std::vector<std::string> arguments) {
  Pipe in, out, err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.end(0), STDIN_FILENO);
  const auto direct = [&](int stream, const char* where, const Pipe& pipe) {
    if (where == kCaptured) {
      posix_spawn_file_actions_adddup2(&actions, pipe.end(1), stream);
    } else if (*where == '\0') {
      posix_spawn_file_actions_addclose(&actions, stream);
    } else {
      posix_spawn_file_actions_addopen(&actions, stream, where, O_WRONLY, 0);
    }
  };
  direct(STDOUT_FILENO, program.out, out);
  direct(STDERR_FILENO, program.err, err);
  // Signals as a terminal would leave them, whoever started the tests.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGPIPE, SIGTERM}) sigaddset(&defaults, number);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  arguments.insert(arguments.begin(), program.path);
  std::vector<std::string> variables = clean_environment(program.environment);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.path.c_str(), &actions, &attributes, pointers(arguments).data(),
                                pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start " + program.path);
  in.close(0);
  out.close(1);
  err.close(1);

  // All three streams at once, or a full pipe would stop both sides.
  signal(SIGPIPE, SIG_IGN);
  fcntl(in.end(1), F_SETFL, O_NONBLOCK);
  Finished finished;
  std::string_view rest = program.input;
  bool called = !program.then;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (out.end(0) >= 0 || err.end(0) >= 0) {
    if (rest.empty()) in.close(1);
    pollfd streams[] = {{in.end(1), POLLOUT, 0}, {out.end(0), POLLIN, 0}, {err.end(0), POLLIN, 0}};
    poll(streams, 3, 1000);
    if (streams[0].revents != 0) {
      const ssize_t n = write(in.end(1), rest.data(), rest.size());
      rest.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : errno == EAGAIN ? 0 : rest.size());
    }
    const auto receive = [](const pollfd& stream, Pipe& pipe, std::string& text) {
      if (stream.revents == 0) return;
      char buffer[65536];
      const ssize_t n = read(pipe.end(0), buffer, sizeof buffer);
      if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
      if (n == 0) pipe.close(0);
    };
    receive(streams[1], out, finished.out);
    receive(streams[2], err, finished.err);
    if (!called && finished.out.size() >= program.after_bytes) {
      called = true;
      program.then(pid);
    }
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "does not end";
      kill(pid, SIGKILL);
      break;
    }
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) finished.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) finished.signal = WTERMSIG(status);
  return finished;
}

/// `garam` with these arguments.
inline Finished garam_cli(const std::vector<std::string>& arguments, const Program& program = {}) {
  return run(program, arguments);
}

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_all(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// A folder with a tiny random model in it.
class ModelFolder {
 public:
  explicit ModelFolder(const TinyOptions& options) { TinyModel::make(options).write(path()); }
  ModelFolder() : ModelFolder(TinyOptions{.vocabulary = TinyVocabulary::kSentencePiece}) {}
  std::string path() const { return file("tiny.gguf"); }
  std::string file(std::string_view name) const { return dir_.file(name); }

 private:
  TempDir dir_;
};

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Sends SIGINT once the program is ready for it.
inline void interrupt(pid_t pid) {
  const std::string status = "/proc/" + std::to_string(pid) + "/status";
  for (int tries = 0; tries < 6000; ++tries) {
    std::ifstream file(status);
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("SigCgt:")) continue;
      if ((std::stoull(line.substr(7), nullptr, 16) >> (SIGINT - 1) & 1) == 0) continue;
      kill(pid, SIGINT);
      return;
    }
    usleep(10000);
  }
  ADD_FAILURE() << "the program catches no SIGINT";
}

/// Ended with this code; where it failed, with a message on stderr and nothing on stdout.
inline testing::AssertionResult ended(const Finished& f, int code, std::string_view message = "") {
  const bool told = contains(f.err, message) && (code == 0 || contains(f.err, "garam: "));
  if (f.code == code && told && (code == 0 || f.out.empty())) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "expected code " << code << " and \"" << message << "\", found code "
                                     << f.code << ", signal " << f.signal
                                     << "\nstdout: " << f.out.substr(0, 2000)
                                     << "\nstderr: " << f.err.substr(0, 2000);
}

}  // namespace garam::test
