// One block of memory each for values, gradients and the two moments.
#include "train/parameters.h"

#include <algorithm>
#include <cstring>

namespace garam::training {
namespace {

std::size_t floats(const Parameter& p) {
  return p.value.rows * p.value.stride;
}

}  // namespace

Parameter& Parameters::add(std::string name, std::size_t rows, std::size_t width, bool decays) {
  Parameter p;
  p.name = std::move(name);
  p.value = {nullptr, rows, width, padded(width)};
  p.decays = decays;
  return all_.emplace_back(std::move(p));
}

void Parameters::allocate(const std::vector<const Parameter*>& frozen) {
  const auto trains = [&](const Parameter& p) {
    return std::find(frozen.begin(), frozen.end(), &p) == frozen.end();
  };
  std::size_t values = 0, trained = 0;
  for (const Parameter& p : all_) {
    values += floats(p);
    if (trains(p)) trained += floats(p);
  }
  values_ = Memory(values * sizeof(float), "weights");
  gradients_ = Memory(trained * sizeof(float), "gradients");
  m_ = Memory(trained * sizeof(float), "moments of the optimiser");
  v_ = Memory(trained * sizeof(float), "moments of the optimiser");
  std::size_t value = 0, gradient = 0;
  for (Parameter& p : all_) {
    const auto piece = [&](const Memory& memory, std::size_t at) {
      Rows rows = p.value;
      rows.data = reinterpret_cast<float*>(memory.data()) + at;
      return rows;
    };
    if (trains(p)) {
      p.gradient = piece(gradients_, gradient);
      p.m = piece(m_, gradient);
      p.v = piece(v_, gradient);
      gradient += floats(p);
    }
    p.value = piece(values_, value);
    value += floats(p);
  }
}

std::size_t Parameters::count() const {
  std::size_t n = 0;
  for (const Parameter& p : all_) n += p.value.rows * p.value.width;
  return n;
}

std::size_t Parameters::trained() const {
  std::size_t n = 0;
  for (const Parameter& p : all_) n += p.frozen() ? 0 : p.value.rows * p.value.width;
  return n;
}

void Parameters::clear_gradients() {
  if (gradients_.size() > 0) std::memset(gradients_.data(), 0, gradients_.size());
}

}  // namespace garam::training
