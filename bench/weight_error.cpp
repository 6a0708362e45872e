// garam-weight-error MODEL QUANTISED [IMATRIX]: how far the weights of a quantised file are from those of the
// file it was made from: for each weight type sqrt(sum w (x - y)^2 / sum w x^2), w from the importance matrix
// or 1. For comparing quantisers.
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <vector>

#include "io/gguf.h"
#include "quantize/convert_rows.h"
#include "quantize/importance.h"

namespace {

struct Sum {
  double error = 0, square = 0;
  std::size_t tensors = 0;
};

void add_tensor(const garam::GgufFile& exact, const garam::GgufFile& rounded, const garam::GgufTensor& tensor,
                const garam::quant::Importance& importance, std::map<std::string, Sum>& sums) {
  const garam::GgufTensor* other = rounded.find_tensor(tensor.name);
  if (other == nullptr || other->type == tensor.type || tensor.shape.size() < 2) return;
  const auto *from = garam::find_weight_format(tensor.type->id),
             *to = garam::find_weight_format(other->type->id);
  if (from == nullptr || to == nullptr) return;
  const std::uint64_t k = tensor.shape[0], rows = tensor.bytes / from->row_bytes(k);
  const std::uint64_t matrices = tensor.shape.size() > 2 ? tensor.shape[2] : 1;
  Sum& sum = sums[std::string(other->type->name)];
  ++sum.tensors;
  std::vector<float> x(k), y(k);
  for (std::uint64_t row = 0; row < rows; ++row) {
    const auto w = importance.of(tensor.name, k, matrices, row / tensor.shape[1]);
    garam::quant::Rows{exact, tensor, *from, row, 1}.read(x);
    garam::quant::Rows{rounded, *other, *to, row, 1}.read(y);
    for (std::uint64_t i = 0; i < k; ++i) {
      const double weight = w.empty() ? 1.0 : w[i], d = static_cast<double>(x[i]) - y[i];
      sum.error += weight * d * d;
      sum.square += weight * x[i] * x[i];
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: garam-weight-error MODEL QUANTISED [IMATRIX]\n");
    return 2;
  }
  try {
    const auto exact = garam::GgufFile::open(argv[1]), rounded = garam::GgufFile::open(argv[2]);
    const auto importance = argc > 3 ? garam::quant::Importance::read(argv[3]) : garam::quant::Importance();
    std::map<std::string, Sum> sums;
    for (const auto& tensor : exact.tensors()) add_tensor(exact, rounded, tensor, importance, sums);
    for (const auto& [type, sum] : sums) {
      std::printf("%-8s %4zu tensors  %.6f\n", type.c_str(), sum.tensors, std::sqrt(sum.error / sum.square));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "garam-weight-error: %s\n", error.what());
    return 1;
  }
}
