// The two ways of llama.cpp's tools/perplexity. One thing differs: there a last window that ends exactly with
// the text is left out when it slides.
#include "evaluate/chunk_plan.h"

#include <algorithm>

#include "base/fail.h"

namespace garam {
namespace {

constexpr std::size_t kMinChunk = 3;  // one token to begin with, one before and one to be scored
constexpr std::size_t kMaxChunk = std::size_t{1} << 30;

}  // namespace

bool are_chunk_options(std::uint64_t chunk, std::uint64_t stride) {
  return chunk >= kMinChunk && chunk <= kMaxChunk && stride < chunk;
}

ChunkPlan plan_chunks(std::size_t tokens, std::size_t chunk, std::size_t stride, std::size_t chunks) {
  if (chunk < kMinChunk || chunk > kMaxChunk) {
    fail(ErrorCode::kArgument, "perplexity: chunk: expected {} to {} tokens, found {}", kMinChunk, kMaxChunk,
         chunk);
  }
  if (!are_chunk_options(chunk, stride)) {
    fail(ErrorCode::kArgument, "perplexity: stride: expected less than the chunk of {} tokens, found {}",
         chunk, stride);
  }
  ChunkPlan plan;
  plan.window = chunk + stride / 2;
  plan.step = stride > 0 ? stride : chunk;
  plan.first = stride > 0 ? plan.window - stride - 1 : chunk / 2;
  if (tokens < plan.window) {
    fail(ErrorCode::kArgument,
         "perplexity: expected at least the {} tokens of one {}, found {}; take a longer "
         "text or smaller chunks",
         plan.window, stride > 0 ? "window" : "chunk", tokens);
  }
  plan.chunks = (tokens - plan.window) / plan.step + 1;
  if (chunks > 0) plan.chunks = std::min(plan.chunks, chunks);
  return plan;
}

}  // namespace garam
