// From file to file: a batch of rows is read, converted and written before the next one is.
#include "garam/quantize.h"

#include <algorithm>
#include <memory>

#include "base/checked.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "base/printable.h"
#include "io/gguf_writer.h"
#include "model/open_model.h"
#include "quantize/convert_rows.h"
#include "quantize/importance.h"
#include "quantize/mix.h"
#include "quantize/row_batches.h"
#include "runtime/context.h"
#include "runtime/first_error.h"
#include "runtime/kernel_choice.h"

namespace garam {
namespace {

using quant::Importance;

constexpr std::uint64_t kBatchValues = std::uint64_t{1} << 22;  // 8 MB of bf16
constexpr std::size_t kPieceValues = std::size_t{1} << 16;      // taken by a worker at a time

const WeightFormat* format_named(const std::string& name) {
  if (name.empty()) return nullptr;
  const GgmlType* type = find_ggml_type(name);
  const WeightFormat* format = type != nullptr ? find_weight_format(type->id) : nullptr;
  if (format != nullptr) return format;
  fail(ErrorCode::kArgument, "type: expected a weight type such as f16, q8_0 or q4_K, found \"{}\"",
       printable(name));
}

/// Everything that one call holds.
class Job {
 public:
  Job(const std::string& in, std::string_view type, const QuantizeOptions& options)
      : options_(options),
        source_(open_model(in)),
        file_(*source_),
        kernels_(choose_kernels(options.kernels)),
        pool_(options.threads != 0 ? options.threads : default_threads()),
        context_(kernels_.table, &pool_, pool_.workers()) {
    const auto mix = quant::find_mix(type);
    if (!mix) {
      std::string names;
      for (const auto& known : quant::mixes()) names += (names.empty() ? "" : ", ") + std::string(known.name);
      fail(ErrorCode::kArgument, "type: expected one of {}, found \"{}\"", names,
           printable(std::string(type)));
    }
    mix_ = *mix;
    if (!options.importance.empty()) importance_ = Importance::read(options.importance);
    types_ = quant::choose_types(file_, mix_,
                                 {.pure = options.pure,
                                  .importance = !options.importance.empty(),
                                  .output = format_named(options.output_type),
                                  .embedding = format_named(options.embedding_type)});
    for (const GgufTensor& tensor : file_.tensors()) total_ += tensor.bytes;
    pool_.try_acquire();
  }

  QuantizeReport run(const std::string& out) {
    GgufWriter writer;
    add_keys(writer);
    QuantizeReport report;
    for (std::size_t i = 0; i < types_.size(); ++i) add_tensor(writer, i, report);
    writer.write(out);
    return report;
  }

 private:
  void add_keys(GgufWriter& writer) const {
    for (const GgufKey& key : file_.keys()) {
      const bool of_file = key.name.starts_with("split.") || key.name.starts_with("quantize.imatrix.");
      const bool set_here = key.name == "general.file_type" || key.name == "general.quantization_version" ||
                            key.name == "general.alignment";
      if (!of_file && !set_here) writer.add(key.name, key.value);
    }
    writer.add("general.file_type", mix_.file_type);
    writer.add("general.quantization_version", std::uint32_t{2});
    if (importance_.size() == 0) return;
    // Its last part only: a path says where somebody keeps files.
    const std::string& path = importance_.path();
    writer.add("quantize.imatrix.file", path.substr(path.find_last_of('/') + 1));
    writer.add("quantize.imatrix.dataset", importance_.dataset());
    writer.add("quantize.imatrix.entries_count", static_cast<std::uint32_t>(importance_.size()));
    writer.add("quantize.imatrix.chunks_count", importance_.chunks());
  }

  void add_tensor(GgufWriter& writer, std::size_t index, QuantizeReport& report) {
    const GgufTensor& tensor = file_.tensors()[index];
    const WeightFormat* from = find_weight_format(tensor.type->id);
    const WeightFormat* to = types_[index];
    // Vectors as every reader takes them, where a folder has them in 16 bits.
    const bool small = tensor.shape.size() == 1 && from != nullptr && from->block == 1;
    if (to == nullptr && small) to = &kFormatF32;
    if (to != nullptr && (to == from)) to = nullptr;
    QuantizedTensor line{tensor.name,
                         std::string(tensor.type->name),
                         std::string(tensor.type->name),
                         tensor.bytes,
                         tensor.bytes,
                         false};
    if (to == nullptr) {
      writer.add_tensor(tensor.name, tensor.type->id, tensor.shape,
                        [this, &tensor](std::uint64_t offset, std::span<std::byte> bytes) {
                          check_stop();
                          file_.read(tensor, offset, bytes);
                          add_done(bytes.size());
                        });
    } else {
      check_source(tensor, from);
      const std::uint64_t rows = tensor.bytes / from->row_bytes(tensor.shape[0]);
      line.to = to->name;
      line.bytes_to = *checked_mul(rows, to->row_bytes(tensor.shape[0]));
      line.important = to->write != nullptr && !importance_of(tensor, 0).empty();
      const auto batches = std::make_shared<quant::RowBatches>(
          rows, to->row_bytes(tensor.shape[0]), std::max<std::uint64_t>(1, kBatchValues / tensor.shape[0]),
          [this, &tensor, from, to](std::uint64_t first, std::uint64_t count, std::byte* bytes) {
            compute(tensor, *from, *to, first, count, bytes);
          });
      writer.add_tensor(
          tensor.name, to->ggml_id, tensor.shape,
          [batches](std::uint64_t offset, std::span<std::byte> bytes) { batches->supply(offset, bytes); });
    }
    report.bytes_from += line.bytes_from;
    report.bytes_to += line.bytes_to;
    report.tensors.push_back(std::move(line));
  }

  void check_source(const GgufTensor& tensor, const WeightFormat* from) const {
    if (from == nullptr) {
      fail(ErrorCode::kUnsupported, "{}: weight type {} is not one that garam reads", file_.origin(tensor),
           tensor.type->name);
    }
    if (from->block == 1 || options_.requantize) return;
    fail(ErrorCode::kArgument,
         "{}: is {} already, and its errors would add up; start from f32, f16 or bf16, or ask for "
         "it "
         "with --requantize",
         file_.origin(tensor), tensor.type->name);
  }

  std::span<const float> importance_of(const GgufTensor& tensor, std::uint64_t matrix) const {
    const std::uint64_t matrices = tensor.shape.size() > 2 ? tensor.shape[2] : 1;
    return importance_.of(tensor.name, tensor.shape[0], matrices, matrix);
  }

  void compute(const GgufTensor& tensor, const WeightFormat& from, const WeightFormat& to,
               std::uint64_t first_row, std::uint64_t count, std::byte* out) {
    check_stop();
    const std::uint64_t k = tensor.shape[0], matrix_rows = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
    FirstError errors;
    context_.steal(count, std::max<std::size_t>(1, kPieceValues / k),
                   [&](std::size_t begin, std::size_t end, unsigned) {
                     errors.guard([&] {
                       if (errors.failed()) return;
                       // Rows of one expert at a time: each has its own importance.
                       for (std::uint64_t row = first_row + begin; row < first_row + end;) {
                         const std::uint64_t matrix = row / matrix_rows;
                         const std::uint64_t stop = std::min(first_row + end, (matrix + 1) * matrix_rows);
                         const quant::Rows source{file_, tensor, from, row, stop - row};
                         source.convert(context_.table(), to, importance_of(tensor, matrix),
                                        out + (row - first_row) * to.row_bytes(k));
                         row = stop;
                       }
                     });
                   });
    errors.rethrow();
    add_done(count * from.row_bytes(k));
  }

  void check_stop() const {
    if (options_.stop.stop_requested())
      fail(ErrorCode::kCancelled, "{}: quantising was cancelled", file_.path());
  }
  void add_done(std::uint64_t bytes) {
    done_ += bytes;
    if (options_.progress) options_.progress(static_cast<double>(done_) / static_cast<double>(total_));
    // The last chance before the new file gets its name.
    if (done_ == total_) file_.check_unchanged();
  }

  const QuantizeOptions& options_;
  std::unique_ptr<ModelFile> source_;
  const ModelFile& file_;
  KernelChoice kernels_;
  ThreadPool pool_;
  Context context_;
  quant::Mix mix_{};
  Importance importance_;
  std::vector<const WeightFormat*> types_;
  std::uint64_t done_ = 0, total_ = 0;  // bytes of tensors
};

}  // namespace

std::vector<std::string_view> quantize_types() {
  std::vector<std::string_view> names;
  for (const quant::Mix& mix : quant::mixes()) names.push_back(mix.name);
  return names;
}

QuantizeReport quantize(const std::string& in, const std::string& out, std::string_view type,
                        const QuantizeOptions& options) {
  const FloatEnvironment environment;
  return Job(in, type, options).run(out);
}

}  // namespace garam
