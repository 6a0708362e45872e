// garam train as its users run it.
#include "cli/program.h"
#include "train/runs.h"

namespace garam::test {
namespace {

std::string config_text(const TinyRun& run, std::size_t steps) {
  return R"({"model": {"layers": 2, "width": 32, "heads": 4, "hidden": 64}, "tokenizer": ")" +
         run.config.tokenizer + R"(", "data": ")" + run.config.data[0] +
         R"(", "context": 64, "batch": 4, "steps": )" + std::to_string(steps) + R"(, "output": ")" +
         run.config.output + "\"}";
}

TEST(TrainCommand, WritesAModelThatGenerates) {
  TinyRun run;
  write_contents(run.dir.file("config.json"), config_text(run, 60));
  const Finished trained = garam_cli({"train", run.dir.file("config.json")});
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(contains(trained.out, "60 steps")) << trained.out;
  EXPECT_TRUE(contains(trained.err, "step 60/60")) << trained.err;
  EXPECT_TRUE(contains(contents(run.config.output + ".csv"), "step,tokens,loss"));
  const Finished generated = garam_cli({"generate", "-m", run.config.output, "-p", "the", "-n", "8"});
  EXPECT_EQ(generated.code, 0) << generated.err;
}

TEST(TrainCommand, CtrlCSavesAndResumeGoesOn) {
  TinyRun run;
  const std::string config = run.dir.file("config.json"), checkpoint = run.config.output + ".checkpoint";
  std::string text = config_text(run, 100000);
  text.insert(1, "\"checkpoint_every\": 5, ");
  write_contents(config, text);
  const auto once_there = [&](pid_t pid) {
    while (!std::filesystem::exists(checkpoint) && kill(pid, 0) == 0) usleep(1000);
    kill(pid, SIGINT);
  };
  for (const char* how : {"--restart", "--resume"}) {
    const Finished interrupted = garam_cli({"train", config, "-q", how}, {.then = once_there});
    EXPECT_EQ(interrupted.code, 130) << interrupted.err;
    EXPECT_TRUE(contains(interrupted.err, checkpoint + " holds it")) << interrupted.err;
  }
  const Finished refused = garam_cli({"train", config});
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err, "--resume")) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(run.config.output));
}

TEST(TrainCommand, Usage) {
  EXPECT_EQ(garam_cli({"train"}).code, 2);
  EXPECT_EQ(garam_cli({"train", "a.json", "b.json"}).code, 2);
  EXPECT_EQ(garam_cli({"train", "a.json", "--resume", "--restart"}).code, 2);
  EXPECT_EQ(garam_cli({"train", "a.json", "--kernels", "abacus"}).code, 2);
  EXPECT_EQ(garam_cli({"train", "none.json"}).code, 1);
  EXPECT_EQ(garam_cli({"train", "--help"}).code, 0);
}

}  // namespace
}  // namespace garam::test
