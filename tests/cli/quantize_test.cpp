// quantize and imatrix as their users run them.
#include <filesystem>

#include "cli/program.h"

namespace garam::test {
namespace {

const TinyOptions kWide = {.layers = 2,
                           .heads = 4,
                           .kv_heads = 2,
                           .head_dim = 64,
                           .width = 256,
                           .hidden = 512,
                           .vocabulary = TinyVocabulary::kSentencePiece};

TEST(Quantize, SmallerFileThatGenerates) {
  const ModelFolder model(kWide);
  const std::string out = model.file("small.gguf");
  const Finished found = garam_cli({"quantize", model.path(), out, "q4_k_m", "-t", "2"});
  ASSERT_TRUE(ended(found, 0));
  EXPECT_NE(found.out.find("blk.0.attn_q.weight"), std::string::npos);
  EXPECT_NE(found.out.find("f32 -> q4_K"), std::string::npos);
  EXPECT_EQ(found.err, "");  // no progress bar where there is no terminal
  EXPECT_LT(std::filesystem::file_size(out), std::filesystem::file_size(model.path()) / 4);
  EXPECT_TRUE(ended(garam_cli({"generate", "-m", out, "-p", "the", "-n", "4", "--temp", "0"}), 0));
}

TEST(Quantize, ImportanceMatrixFromText) {
  const ModelFolder model(kWide);
  std::string text;
  for (int i = 0; i < 60; ++i) text += "the hand of the land ";
  write_all(model.file("text.txt"), text);
  const std::string matrix = model.file("imatrix.gguf"), out = model.file("small.gguf");
  const Finished measured = garam_cli({"imatrix", "-m", model.path(), "-f", model.file("text.txt"), "-o",
                                       matrix, "-c", "32", "--chunks", "2"});
  ASSERT_TRUE(ended(measured, 0));
  EXPECT_EQ(measured.out, "");
  EXPECT_NE(measured.err.find("14 matrices over 2 chunks of 32 tokens"), std::string::npos) << measured.err;
  const Finished found = garam_cli({"quantize", model.path(), out, "Q4_0", "--imatrix", matrix});
  ASSERT_TRUE(ended(found, 0));
  EXPECT_NE(found.out.find("weighted"), std::string::npos);
}

TEST(Quantize, Mistakes) {
  const ModelFolder model(kWide);
  const std::string out = model.file("small.gguf");
  EXPECT_TRUE(ended(garam_cli({"quantize", model.path(), out}), 2));
  EXPECT_TRUE(ended(garam_cli({"quantize", model.path(), out, "Q4_0", "--kernels", "sse9"}), 2));
  EXPECT_TRUE(ended(garam_cli({"imatrix", "-m", model.path()}), 2));
  const Finished unknown = garam_cli({"quantize", model.path(), out, "Q9_X"});
  EXPECT_TRUE(ended(unknown, 2));
  EXPECT_NE(unknown.err.find("Q4_K_M"), std::string::npos) << unknown.err;
  ASSERT_TRUE(ended(garam_cli({"quantize", model.path(), out, "Q4_0"}), 0));
  const Finished again = garam_cli({"quantize", out, model.file("b.gguf"), "Q8_0"});
  EXPECT_TRUE(ended(again, 1));
  EXPECT_NE(again.err.find("--requantize"), std::string::npos) << again.err;
  EXPECT_TRUE(ended(garam_cli({"quantize", out, model.file("b.gguf"), "Q8_0", "--requantize"}), 0));
}

}  // namespace
}  // namespace garam::test
