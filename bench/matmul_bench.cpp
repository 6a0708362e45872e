// Products of every table and weight format, for 1 to 256 rows of activations. Weights are more than any
// cache holds and are read from memory once a pass, as in a model; activations stay the same.
//
//   matmul/<set>/<format>/k:2048/rows:<activation rows>
#include <cstring>
#include <random>

#include "base/format.h"
#include "core/workspace.h"
#include "machine.h"
#include "ops/linear.h"
#include "tensor/weight_format.h"

namespace garam::bench {
namespace {

constexpr std::size_t kWidth = 2048;
constexpr std::size_t kManyRows = 16;

std::vector<float> random_values(std::size_t count) {
  std::mt19937 random(1);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(random()) / 4e9f - 0.5f;
  return values;
}

/// Every panel is a copy of one panel of random weights.
class Weights {
 public:
  Weights(const WeightFormat& format, std::size_t bytes) {
    std::vector<std::byte> rows(format.row_bytes(kWidth) * kernels::kPanelRows);
    std::mt19937 random(1);
    // Without bit 6 no scale and no weight is infinite, whatever the format.
    for (std::byte& byte : rows) byte = static_cast<std::byte>(random() & 0xbf);
    // Nor is a float subnormal, which costs Intel CPUs more than a hundred cycles in each product.
    if (kernels::activation_form(format.format) != kernels::ActivationForm::kQ8) {
      const std::size_t bytes_of_one = format.row_bytes(kWidth) / kWidth;
      for (std::size_t i = bytes_of_one - 1; i < rows.size(); i += bytes_of_one) rows[i] |= std::byte{0x30};
    }
    const std::size_t panel = kernels::panel_bytes(format.format, kWidth);
    const std::size_t panels = bytes / panel;
    memory_ = Memory(panels * panel, "weights");
    format.pack(rows.data(), kernels::kPanelRows, kWidth, memory_.data());
    for (std::size_t p = 1; p < panels; ++p) std::memcpy(memory_.data() + p * panel, memory_.data(), panel);
    matrix_ = {&format, memory_.data(), panels * kernels::kPanelRows, kWidth};
  }
  const Matrix& matrix() const { return matrix_; }

 private:
  Memory memory_;
  Matrix matrix_;
};

void matmul(benchmark::State& state, const Rig& rig, const WeightFormat& format, std::size_t rows) {
  // Reading dominates few rows, arithmetic many: those need no more weights than the caches cannot hold.
  const Weights weights(format, (rows < kManyRows ? std::size_t{256} : std::size_t{48}) << 20);
  const Matrix& matrix = weights.matrix();
  std::vector<float> in = random_values(rows * kWidth);
  std::vector<float> out(rows * matrix.rows);
  Workspace workspace;
  workspace.reserve(rows * kWidth * 16);
  const ops::ActivationForms forms = workspace.forms(rows, kWidth);
  const Rows x{in.data(), rows, kWidth, kWidth};
  const Rows y{out.data(), rows, matrix.rows, matrix.rows};
  const auto run = [&] { ops::linear(rig.context(), x, forms, {{&matrix, nullptr, y}}); };
  run();
  const Limits limits = measure_limits(rig);
  const auto form = kernels::activation_form(format.format);
  const double peak = form == kernels::ActivationForm::kQ8     ? limits.integers
                      : form == kernels::ActivationForm::kBf16 ? limits.bf16
                                                               : limits.floats;
  for (auto _ : state) run();
  report(state, limits, peak, 2.0 * static_cast<double>(rows * matrix.rows * kWidth),
         static_cast<double>(matrix.bytes()));
}

}  // namespace

void add_matmul_benchmarks() {
  for (const Rig* rig : rigs()) {
    for (const WeightFormat* format : weight_formats()) {
      for (const std::size_t rows : {1, 2, 4, 6, 8, 16, 64, 256}) {
        if (rig->set() == KernelSet::kPortable && rows > 4) continue;  // minutes for what nobody waits for
        const std::string name =
            formatted("matmul/{}/{}/k:{}/rows:{}", to_string(rig->set()), format->name, kWidth, rows);
        benchmark::RegisterBenchmark(
            name.c_str(),
            [rig, format, rows](benchmark::State& state) { matmul(state, *rig, *format, rows); })
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace garam::bench
