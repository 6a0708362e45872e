// Sums of squares of what every product of a model reads, chunk after chunk of a text.
#include "garam/importance.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/fail.h"
#include "base/float_env.h"
#include "garam/session.h"
#include "io/gguf_writer.h"
#include "model/model_impl.h"
#include "model/session_impl.h"
#include "ops/linear.h"

namespace garam {
namespace {

constexpr std::size_t kColumnGrain = 64;

/// Sums of squares of one tensor, [matrices][columns].
struct Tensor {
  std::string name;
  std::size_t columns = 0;
  std::vector<double> sums;
  std::vector<std::uint64_t> counts;  // rows seen, of each matrix
};

/// Adds up what the products of a model read.
class Collector final : public ops::LinearObserver {
 public:
  explicit Collector(const Weights& weights) {
    std::unordered_map<std::string, std::size_t> index;
    for (const auto& [name, matrix, first_row] : weights.matrices()) {
      if (name == "output.weight" || name == "token_embd.weight") continue;
      const auto [place, is_new] = index.try_emplace(name, tensors_.size());
      if (is_new) tensors_.push_back({name, matrix.k, {}, {}});
      Tensor& tensor = tensors_[place->second];
      places_.emplace(&matrix, Place{place->second, tensor.counts.size()});
      tensor.counts.push_back(0);
      tensor.sums.resize(tensor.counts.size() * tensor.columns);
    }
  }

  void see(const Context& context, const Matrix& weight, const Rows& x) override {
    const auto found = places_.find(&weight);
    if (found == places_.end()) return;
    Tensor& tensor = tensors_[found->second.tensor];
    double* sums = tensor.sums.data() + found->second.matrix * tensor.columns;
    tensor.counts[found->second.matrix] += x.rows;
    context.split(tensor.columns, kColumnGrain, [&](std::size_t begin, std::size_t end, unsigned) {
      for (std::size_t t = 0; t < x.rows; ++t) {
        const float* row = x.row(t);
        for (std::size_t i = begin; i < end; ++i) sums[i] += static_cast<double>(row[i]) * row[i];
      }
    });
  }

  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  struct Place {
    std::size_t tensor, matrix;
  };
  std::vector<Tensor> tensors_;
  std::unordered_map<const Matrix*, Place> places_;
};

void write(const std::vector<Tensor>& tensors, const std::string& out, const ImportanceOptions& options,
           ImportanceReport& report) {
  GgufWriter writer;
  writer.add("general.type", std::string("imatrix"));
  if (!options.dataset.empty()) {
    writer.add("imatrix.datasets", GgufArray(std::vector<std::string>{options.dataset}));
  }
  writer.add("imatrix.chunk_count", static_cast<std::uint32_t>(report.chunks));
  writer.add("imatrix.chunk_size", static_cast<std::uint32_t>(options.chunk));
  for (const Tensor& tensor : tensors) {
    const std::uint64_t matrices = tensor.counts.size();
    const std::vector<float> sums(tensor.sums.begin(), tensor.sums.end());
    const std::vector<float> counts(tensor.counts.begin(), tensor.counts.end());
    report.unseen += std::find(tensor.counts.begin(), tensor.counts.end(), 0u) != tensor.counts.end();
    writer.add_tensor(tensor.name + ".in_sum2", {tensor.columns, matrices}, sums);
    writer.add_tensor(tensor.name + ".counts", {1, matrices}, counts);
  }
  report.tensors = tensors.size();
  writer.write(out);
}

}  // namespace

ImportanceReport measure_importance(const Model& model, std::span<const std::int32_t> tokens,
                                    const std::string& out, const ImportanceOptions& options) {
  const FloatEnvironment environment;  // sums are rounded to f32 at the end
  if (options.chunk == 0) fail(ErrorCode::kArgument, "chunk: expected at least 1 token, found 0");
  const bool bos = model.tokenizer().add_bos() && model.tokenizer().bos().has_value();
  const std::size_t text = options.chunk - (bos && options.chunk > 1 ? 1 : 0);
  const std::size_t whole = tokens.size() / text;
  const std::size_t chunks = options.chunks == 0 ? whole : std::min(whole, options.chunks);
  if (chunks == 0) {
    fail(ErrorCode::kArgument,
         "text: expected at least one chunk of {} tokens, found {}; a longer text or a "
         "smaller chunk is needed",
         text, tokens.size());
  }
  Session session(model, {.context = options.chunk, .batch = std::min<std::size_t>(options.chunk, 512)});
  Collector collector(*model.impl().weights);
  session.impl().observer = &collector;
  ImportanceReport report;
  std::vector<std::int32_t> sequence;
  for (; report.chunks < chunks; ++report.chunks) {
    sequence.clear();
    if (text < options.chunk) sequence.push_back(*model.tokenizer().bos());
    const auto piece = tokens.subspan(report.chunks * text, text);
    sequence.insert(sequence.end(), piece.begin(), piece.end());
    session.truncate(0);
    session.prefill(sequence, {.stop = options.stop});
    if (options.progress) {
      options.progress(static_cast<double>(report.chunks + 1) / static_cast<double>(chunks));
    }
  }
  write(collector.tensors(), out, options, report);
  return report;
}

}  // namespace garam
