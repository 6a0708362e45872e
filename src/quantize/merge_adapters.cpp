// From file to file like quantising: a batch of rows is read, changed and written before the next one is.
#include "garam/merge.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/checked.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "base/printable.h"
#include "io/gguf_rules.h"
#include "io/gguf_writer.h"
#include "model/adapters.h"
#include "model/open_model.h"
#include "quantize/convert_rows.h"
#include "quantize/row_batches.h"
#include "runtime/context.h"
#include "runtime/first_error.h"
#include "runtime/kernel_choice.h"

namespace garam {
namespace {

constexpr std::uint64_t kBatchValues = std::uint64_t{1} << 20;  // 4 MB of f32
constexpr std::size_t kPieceValues = std::size_t{1} << 14;      // taken by a worker at a time

const WeightFormat* format_named(const std::string& name) {
  if (name.empty()) return nullptr;
  const WeightFormat* format = nullptr;
  if (const GgmlType* type = find_ggml_type(name)) format = find_weight_format(type->id);
  if (format != nullptr) return format;
  fail(ErrorCode::kArgument, "type: expected a weight type such as f16, q8_0 or q4_K, found \"{}\"",
       printable(name));
}

/// What is added to one tensor by one adapter, A of one of its matrices in memory.
struct Update {
  const AdapterFile* file;
  const AdapterPair* pair;
  float factor;
  std::vector<float> a;  // [rank][k]
};

/// A tensor that changes.
struct Target {
  const GgufTensor* tensor;
  const WeightFormat *from, *to;
  std::vector<Update> updates;
  std::uint64_t matrix = UINT64_MAX;  // whose A the updates hold
};

class Merge {
 public:
  Merge(const std::string& base, std::span<const Adapter> adapters, const MergeOptions& options)
      : options_(options),
        source_(open_model(base)),
        file_(*source_),
        type_(format_named(options.type)),
        kernels_(choose_kernels(options.kernels)),
        pool_(options.threads != 0 ? options.threads : default_threads()),
        context_(kernels_.table, &pool_, pool_.workers()) {
    for (const Adapter& adapter : adapters) adapters_.push_back(open_adapter(adapter, file_));
    for (const GgufTensor& tensor : file_.tensors()) total_ += tensor.bytes;
    pool_.try_acquire();
  }

  MergeReport run(const std::string& out) {
    GgufWriter writer;
    for (const GgufKey& key : file_.keys()) {
      if (!key.name.starts_with("split.") && key.name != kGgufAlignmentKey) writer.add(key.name, key.value);
    }
    MergeReport report;
    for (const GgufTensor& tensor : file_.tensors()) {
      const auto target = find_updates(tensor);
      ++(target->updates.empty() ? report.copied : report.merged);
      if (target->updates.empty()) {
        add_copy(writer, tensor);
      } else {
        add_merged(writer, target);
      }
    }
    writer.write(out);
    return report;
  }

 private:
  std::shared_ptr<Target> find_updates(const GgufTensor& tensor) const {
    auto target = std::make_shared<Target>();
    target->tensor = &tensor;
    for (const auto& [file, scale] : adapters_) {
      const AdapterPair* pair = file.find(tensor.name);
      const float factor = pair != nullptr ? file.factor(*pair, scale) : 0;
      if (factor != 0) target->updates.push_back({&file, pair, factor, {}});
    }
    if (target->updates.empty()) return target;
    target->from = find_weight_format(tensor.type->id);
    if (target->from == nullptr) {
      fail(ErrorCode::kUnsupported, "{}: weight type {} is not one that garam reads", file_.origin(tensor),
           tensor.type->name);
    }
    target->to = type_ != nullptr ? type_ : target->from;
    if (type_ == nullptr && target->from->block != 1) {
      fail(
          ErrorCode::kArgument,
          "{}: expected weights of f32, f16 or bf16 to merge into, found {}; start from such a file, or name "
          "the type of the merged matrices (--type)",
          file_.origin(tensor), tensor.type->name);
    }
    return target;
  }

  void add_copy(GgufWriter& writer, const GgufTensor& tensor) {
    writer.add_tensor(tensor.name, tensor.type->id, tensor.shape,
                      [this, &tensor](std::uint64_t offset, std::span<std::byte> bytes) {
                        check_stop();
                        file_.read(tensor, offset, bytes);
                        add_done(bytes.size());
                      });
  }

  void add_merged(GgufWriter& writer, const std::shared_ptr<Target>& target) {
    const GgufTensor& tensor = *target->tensor;
    const std::uint64_t k = tensor.shape[0], rows = tensor.bytes / target->from->row_bytes(k);
    const auto batches = std::make_shared<quant::RowBatches>(
        rows, target->to->row_bytes(k), std::max<std::uint64_t>(1, kBatchValues / k),
        [this, target](std::uint64_t first, std::uint64_t count, std::byte* out) {
          compute(*target, first, count, out);
        });
    writer.add_tensor(
        tensor.name, target->to->ggml_id, tensor.shape,
        [batches](std::uint64_t offset, std::span<std::byte> bytes) { batches->supply(offset, bytes); });
  }

  /// Rows of one batch, the matrix of one expert after the other.
  void compute(Target& target, std::uint64_t first, std::uint64_t count, std::byte* out) {
    check_stop();
    const std::uint64_t matrix_rows = target.tensor->shape[1], end = first + count;
    const std::size_t row_bytes = target.to->row_bytes(target.tensor->shape[0]);
    for (std::uint64_t row = first; row < end;) {
      const std::uint64_t matrix = row / matrix_rows, stop = std::min(end, (matrix + 1) * matrix_rows);
      if (matrix != target.matrix) {
        for (Update& u : target.updates) u.a = u.file->read(*u.pair->a, matrix * u.pair->rank, u.pair->rank);
        target.matrix = matrix;
      }
      merge_rows(target, row, stop - row, out + (row - first) * row_bytes);
      row = stop;
    }
    if (end == target.tensor->bytes / target.from->row_bytes(target.tensor->shape[0])) {
      for (Update& u : target.updates) u.a = {};
    }
    add_done(count * target.from->row_bytes(target.tensor->shape[0]));
  }

  void merge_rows(const Target& target, std::uint64_t first, std::uint64_t count, std::byte* out) const {
    const std::size_t k = target.tensor->shape[0], row_bytes = target.to->row_bytes(k);
    FirstError errors;
    context_.steal(
        count, std::max<std::size_t>(1, kPieceValues / k), [&](std::size_t begin, std::size_t end, unsigned) {
          errors.guard([&] {
            if (errors.failed()) return;
            const quant::Rows rows{file_, *target.tensor, *target.from, first + begin, end - begin};
            std::vector<float> values(rows.count * k);
            rows.read(values);
            for (const Update& update : target.updates) add(update, rows.first, values, k);
            rows.write(values, context_.table(), *target.to, {}, out + begin * row_bytes);
          });
        });
    errors.rethrow();
  }

  /// w = fma(factor, d, w), d the sum over ranks ascending, from +0, by fma(b, a, d).
  void add(const Update& update, std::uint64_t first_row, std::span<float> values, std::size_t k) const {
    const std::size_t rank = update.pair->rank, rows = values.size() / k;
    const std::vector<float> b = update.file->read(*update.pair->b, first_row, rows);
    std::vector<float> sum(k);
    for (std::size_t row = 0; row < rows; ++row) {
      std::fill(sum.begin(), sum.end(), 0.0f);
      for (std::size_t r = 0; r < rank; ++r) {
        context_.table().add_scaled(sum.data(), update.a.data() + r * k, k, b[row * rank + r]);
      }
      context_.table().add_scaled(values.data() + row * k, sum.data(), k, update.factor);
    }
  }

  void check_stop() const {
    if (options_.stop.stop_requested()) {
      fail(ErrorCode::kCancelled, "{}: merging was cancelled", file_.path());
    }
  }
  void add_done(std::uint64_t bytes) {
    done_ += bytes;
    if (options_.progress) options_.progress(static_cast<double>(done_) / static_cast<double>(total_));
    if (done_ != total_) return;
    // The last chance before the new file gets its name.
    file_.check_unchanged();
    for (const OpenAdapter& adapter : adapters_) adapter.file.check_unchanged();
  }

  const MergeOptions& options_;
  std::unique_ptr<ModelFile> source_;
  const ModelFile& file_;
  std::vector<OpenAdapter> adapters_;
  const WeightFormat* type_;
  KernelChoice kernels_;
  ThreadPool pool_;
  Context context_;
  std::uint64_t done_ = 0, total_ = 0;  // bytes of the base's tensors
};

}  // namespace

MergeReport merge_adapters(const std::string& base, std::span<const Adapter> adapters, const std::string& out,
                           const MergeOptions& options) {
  const FloatEnvironment environment;
  if (adapters.empty()) fail(ErrorCode::kArgument, "adapters: expected at least one to merge, found none");
  return Merge(base, adapters, options).run(out);
}

}  // namespace garam
