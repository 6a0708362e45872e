// What goes to which stream, and what happens when one is closed, full or a terminal, or when the user has
// seen enough.
#include <filesystem>

#include "cli/program.h"

namespace garam::test {
namespace {

using Arguments = std::vector<std::string>;

TEST(Streams, TextOnStdoutAllElseOnStderr) {
  const ModelFolder model;
  const Arguments arguments = {"generate", "-m", model.path(), "-p", "the", "-n", "20", "-s", "5", "-v"};
  const Finished found = garam_cli(arguments);
  ASSERT_TRUE(ended(found, 0, "generated: 20 tokens"));
  EXPECT_FALSE(contains(found.err, "\r")) << "a progress bar without a terminal";
  EXPECT_TRUE(contains(found.err, "seed: 5\n"));
  EXPECT_TRUE(found.out.ends_with("\n"));

  Arguments quiet = arguments;
  quiet.pop_back();
  quiet.push_back("--log-disable");
  const Finished silent = garam_cli(quiet);
  EXPECT_EQ(silent.err, "");
  EXPECT_EQ(silent.out, found.out);
  // Closed stderr loses messages and nothing else, also when a file is opened in its place.
  EXPECT_EQ(garam_cli(arguments, {.err = kClosed}).out, found.out);
  EXPECT_EQ(garam_cli(arguments, {.err = "/dev/full"}).out, found.out);
}

TEST(Streams, StdoutClosedOrFullIsAnError) {
  const ModelFolder model;
  write_all(model.file("tokens"), "1 2 3");
  const Arguments commands[] = {
      {"--help"},
      {"--version"},
      {"--kernels"},
      {"generate", "--help"},
      {"generate", "-m", model.path(), "-p", "the", "-n", "5"},
      {"generate", "-m", model.path(), "-p", "the", "-n", "0"},
      {"tokenize", "-m", model.path(), "the"},
      {"detokenize", "-m", model.path(), "300"},
      {"inspect", model.path()},
      {"bench", "-m", model.path(), "-p", "2", "-n", "2", "-r", "1"},
      {"logits", "-m", model.path(), "--tokens", model.file("tokens"), "--out", "-"},
  };
  for (const Arguments& arguments : commands) {
    for (const char* out : {kClosed, "/dev/full"}) {
      const Finished found = garam_cli(arguments, {.out = out});
      EXPECT_EQ(found.code, 1) << arguments[0];
      EXPECT_TRUE(contains(found.err, "garam: stdout: ")) << arguments[0] << ": " << found.err;
    }
  }
}

TEST(Streams, APipeThatNobodyReads) {
  const ModelFolder model;
  Pipe pipe;
  const std::string write_end = "/proc/self/fd/" + std::to_string(pipe.end(1));
  // The reader goes once the program has opened its end; until then it keeps the pipe alive.
  const Finished found =
      garam_cli({"generate", "-m", model.path(), "-p", "the", "-n", "200000", "-c", "200100"},
                {.out = write_end.c_str(), .after_bytes = 0, .then = [&](pid_t) { pipe.close(0); }});
  EXPECT_EQ(found.code, 1);
  EXPECT_TRUE(contains(found.err, "garam: stdout: Broken pipe")) << found.err;
}

TEST(Streams, CtrlCKeepsTheTextSoFar) {
  const ModelFolder model;
  // Much more than can be generated before the signal comes.
  const Finished found = garam_cli({"generate", "-m", model.path(), "-p", "the", "-n", "-1", "-c", "1000000",
                                    "--ignore-eos", "--temp", "1"},
                                   {.after_bytes = 50, .then = interrupt});
  EXPECT_EQ(found.code, 130) << found.err;
  EXPECT_EQ(found.signal, 0);
  EXPECT_GE(found.out.size(), 50u);
  EXPECT_TRUE(found.out.ends_with("\n"));
  EXPECT_TRUE(contains(found.err, "stopped: cancelled")) << found.err;
}

TEST(Streams, CtrlCStopsLongWorkAndLeavesNoFile) {
  const ModelFolder model;
  std::string tokens;
  for (int i = 0; i < 200000; ++i) tokens += "1 ";
  write_all(model.file("tokens"), tokens);
  const auto later = [](pid_t pid) {
    usleep(200000);  // into the work, on most machines; before it is right as well
    interrupt(pid);
  };
  const Finished logits = garam_cli({"logits", "-m", model.path(), "--tokens", model.file("tokens"), "--out",
                                     model.file("logits"), "--chunk", "16"},
                                    {.then = later});
  EXPECT_EQ(logits.code, 130) << logits.err;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(model.file("")), {}), 2)
      << "more than the model and the tokens";
  const Finished bench =
      garam_cli({"bench", "-m", model.path(), "-p", "100000", "-n", "100000"}, {.then = later});
  EXPECT_EQ(bench.code, 130) << bench.err;
  EXPECT_EQ(bench.out, "");
}

/// Runs garam with a new terminal for stderr and returns what it showed there.
std::string on_terminal(const Arguments& arguments, std::vector<std::string> environment) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return "";
  const std::string name = ptsname(terminal);
  // Kept open, so that what was written stays readable when the program has ended.
  const int other = open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  EXPECT_EQ(garam_cli(arguments, {.environment = std::move(environment), .err = name.c_str()}).code, 0);
  fcntl(terminal, F_SETFL, O_NONBLOCK);
  std::string shown;
  char buffer[4096];
  for (ssize_t n; (n = read(terminal, buffer, sizeof buffer)) > 0;) {
    shown.append(buffer, static_cast<std::size_t>(n));
  }
  close(other);
  close(terminal);
  return shown;
}

TEST(Streams, ProgressOnATerminal) {
  const ModelFolder model;
  const Arguments arguments = {"generate", "-m", model.path(), "-p", "the", "-n", "2"};
  const std::string shown = on_terminal(arguments, {"TERM=xterm"});
  if (shown.empty()) GTEST_SKIP() << "SKIPPED: no terminal to be had";
  EXPECT_TRUE(contains(shown, "\rloading [")) << shown;
  EXPECT_TRUE(contains(shown, "#")) << shown;
  EXPECT_TRUE(contains(shown, "100 %")) << shown;
  EXPECT_TRUE(contains(shown, "\x1b[32m")) << "no colour";
  const std::string plain = on_terminal(arguments, {"TERM=xterm", "NO_COLOR=1"});
  EXPECT_TRUE(contains(plain, "\rloading [")) << plain;
  EXPECT_FALSE(contains(plain, "\x1b")) << plain;
  EXPECT_FALSE(contains(on_terminal(arguments, {"TERM=dumb"}), "loading"));
}

}  // namespace
}  // namespace garam::test
