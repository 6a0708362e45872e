// A model file as a GGUF file: keys as they are, tensors row by row. Types with scales are the quantiser's.
#include "garam/convert.h"

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/printable.h"
#include "garam/quantize.h"
#include "io/gguf_rules.h"
#include "io/gguf_writer.h"
#include "model/open_model.h"
#include "tensor/plain_values.h"
#include "tensor/weight_format.h"

namespace garam {
namespace {

constexpr float kTooLargeForF16 = 65520;  // rounds to infinity

/// general.file_type of files that are mostly of a type.
struct FileType {
  std::string_view name;
  std::uint32_t number;
};
constexpr FileType kFileTypes[] = {{"f32", 0}, {"f16", 1}, {"bf16", 32}};

/// One of the above; null for "" and for what the quantiser is asked.
const WeightFormat* asked_format(const std::string& type) {
  for (const FileType& known : kFileTypes) {
    if (known.name == type) return find_weight_format(type);
  }
  return nullptr;
}

bool ends_with(std::string_view name, std::string_view end) {
  return name.ends_with(end);
}

/// The format that a tensor gets; null: that which it has.
const WeightFormat* format_of(const GgufTensor& tensor, const WeightFormat* asked) {
  if (asked == nullptr) return nullptr;
  const bool matrix = tensor.shape.size() > 1 && ends_with(tensor.name, ".weight") &&
                      tensor.name.find("_norm") == std::string::npos &&
                      !ends_with(tensor.name, "ffn_gate_inp.weight") && tensor.name != "position_embd.weight";
  if (!matrix) return &kFormatF32;
  return asked;
}

/// Throws unless a row can be written in `format`.
void check_row(const ModelFile& file, const GgufTensor& tensor, const WeightFormat& format,
               const std::vector<float>& row) {
  float largest = 0;
  for (const float value : row) {
    if (!std::isfinite(value)) {
      fail(ErrorCode::kFormat, "{}: expected finite weights, found {}; the file is damaged",
           file.origin(tensor), value);
    }
    largest = std::max(largest, std::fabs(value));
  }
  if (&format == &kFormatF16 && largest >= kTooLargeForF16) {
    fail(ErrorCode::kArgument, "{}: expected weights that {} can hold, found {}; take bf16 or f32",
         file.origin(tensor), format.name, largest);
  }
}

/// A tensor in another format, by rows, since a block of a format lies within one.
GgufWriter::Source converted(const ModelFile& file, const GgufTensor& tensor, const WeightFormat& format) {
  return [&file, &tensor, &format](std::uint64_t offset, std::span<std::byte> out) {
    const std::size_t k = tensor.shape.front();
    const std::uint64_t to_bytes = format.row_bytes(k), from_bytes = k * tensor.type->bytes_per_block;
    const std::uint64_t first = offset / to_bytes, end = (offset + out.size() + to_bytes - 1) / to_bytes;
    std::vector<std::byte> stored((end - first) * from_bytes), rows((end - first) * to_bytes);
    file.read(tensor, first * from_bytes, stored);
    std::vector<float> row(k);
    for (std::uint64_t r = 0; r < end - first; ++r) {
      for (std::size_t i = 0; i < k; ++i) {
        row[i] = plain_value(tensor.type->id, stored.data() + r * from_bytes, i);
      }
      check_row(file, tensor, format, row);
      format.encode(row.data(), k, rows.data() + r * to_bytes);
    }
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(offset - first * to_bytes), out.size(),
                out.begin());
  };
}

GgufWriter::Source as_stored(const ModelFile& file, const GgufTensor& tensor) {
  return [&file, &tensor](std::uint64_t offset, std::span<std::byte> out) { file.read(tensor, offset, out); };
}

/// Counts what goes through and asks whether to go on.
class Meter {
 public:
  Meter(const ModelFile& file, const ConvertOptions& options) : file_(file), options_(options) {
    for (const GgufTensor& tensor : file.tensors()) total_ += tensor.bytes;
  }

  GgufWriter::Source measured(GgufWriter::Source source, const GgufTensor& tensor, std::uint64_t bytes) {
    return
        [this, source = std::move(source), &tensor, bytes](std::uint64_t offset, std::span<std::byte> out) {
          if (options_.stop.stop_requested()) {
            fail(ErrorCode::kCancelled, "{}: converting was cancelled", file_.path());
          }
          source(offset, out);
          if (offset + out.size() < bytes) return;
          done_ += tensor.bytes;
          if (options_.progress && total_ > 0) {
            options_.progress(static_cast<double>(done_) / static_cast<double>(total_));
          }
          // The last chance before the new file gets its name.
          if (done_ == total_) file_.check_unchanged();
        };
  }

 private:
  const ModelFile& file_;
  const ConvertOptions& options_;
  std::uint64_t done_ = 0, total_ = 0;
};

/// The type that most bytes of matrices have.
std::string_view main_type(const ModelFile& file) {
  std::string_view name = "f32";
  std::uint64_t most = 0;
  for (const FileType& type : kFileTypes) {
    std::uint64_t bytes = 0;
    for (const GgufTensor& tensor : file.tensors()) {
      if (tensor.type->name == type.name && tensor.shape.size() > 1) bytes += tensor.bytes;
    }
    if (bytes > most) name = type.name;
    most = std::max(most, bytes);
  }
  return name;
}

void add_keys(const ModelFile& file, std::string_view type, GgufWriter& writer) {
  for (const GgufKey& key : file.keys()) {
    const bool about_the_file = key.name.starts_with("split.") || key.name == kGgufAlignmentKey ||
                                key.name == "general.file_type" || key.name == "general.quantization_version";
    if (!about_the_file) writer.add(key.name, key.value);
  }
  for (const FileType& known : kFileTypes) {
    if (known.name == type) writer.add("general.file_type", known.number);
  }
}

}  // namespace

void convert(const std::string& from, const std::string& to, const ConvertOptions& options) {
  const FloatEnvironment environment;
  const WeightFormat* asked = asked_format(options.type);
  if (asked == nullptr && !options.type.empty()) {
    quantize(from, to, options.type, {.progress = options.progress, .stop = options.stop});
    return;
  }
  const std::unique_ptr<ModelFile> file = open_model(from);
  GgufWriter writer;
  add_keys(*file, options.type.empty() ? main_type(*file) : std::string_view(options.type), writer);
  Meter meter(*file, options);
  for (const GgufTensor& tensor : file->tensors()) {
    const WeightFormat* format = format_of(tensor, asked);
    if (format == nullptr || format->ggml_id == tensor.type->id) {
      writer.add_tensor(tensor.name, tensor.type->id, tensor.shape,
                        meter.measured(as_stored(*file, tensor), tensor, tensor.bytes));
      continue;
    }
    if (!is_plain(tensor.type->id)) {
      fail(ErrorCode::kUnsupported, "{}: expected weights of f32, f16 or bf16 to convert, found {}",
           file->origin(tensor), tensor.type->name);
    }
    std::uint64_t bytes = format->row_bytes(tensor.shape.front());
    for (std::size_t i = 1; i < tensor.shape.size(); ++i) bytes *= tensor.shape[i];
    writer.add_tensor(tensor.name, format->ggml_id, tensor.shape,
                      meter.measured(converted(*file, tensor, *format), tensor, bytes));
  }
  writer.write(to);
}

}  // namespace garam
