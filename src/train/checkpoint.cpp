// Tensors are stored as they lie in memory, padding included: f32 [stride, rows].
#include "train/checkpoint.h"

#include "base/fail.h"
#include "io/gguf.h"
#include "io/gguf_writer.h"

namespace garam::training {
namespace {

constexpr char kKind[] = "garam.training.checkpoint";
constexpr std::uint32_t kVersion = 1;

std::span<float> all_of(const Rows& rows) {
  return {rows.data, rows.rows * rows.stride};
}

/// body(name, rows) for everything that a checkpoint holds.
template <typename Body>
void each_tensor(const Parameters& parameters, const Body& body) {
  for (const Parameter& p : parameters.all()) {
    if (p.frozen()) continue;
    body(p.name, p.value);
    body("m." + p.name, p.m);
    body("v." + p.name, p.v);
  }
}

template <typename Field>
std::vector<double> column(const std::vector<CurvePoint>& curve, Field field) {
  std::vector<double> values;
  for (const CurvePoint& point : curve) values.push_back(static_cast<double>(point.*field));
  return values;
}

template <typename T>
void read_column(const GgufFile& file, const char* name, std::vector<CurvePoint>& curve,
                 T CurvePoint::*field) {
  const std::vector<double>* values = file.find_array<double>(name);
  if (values == nullptr || values->size() != curve.size()) {
    fail(ErrorCode::kFormat, "{}: {}: expected {} numbers", file.path(), name, curve.size());
  }
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double value = (*values)[i];
    if constexpr (std::is_integral_v<T>) {
      if (!(value >= 0 && value < 0x1p53))
        fail(ErrorCode::kFormat, "{}: {}: senseless number", file.path(), name);
    }
    curve[i].*field = static_cast<T>(value);
  }
}

}  // namespace

void save_checkpoint(const std::string& path, std::uint64_t fingerprint, const Parameters& parameters,
                     const RunState& state) {
  GgufWriter writer;
  writer.add("general.type", std::string(kKind));
  writer.add("checkpoint.version", kVersion);
  writer.add("checkpoint.fingerprint", fingerprint);
  writer.add("checkpoint.step", state.step);
  writer.add("checkpoint.tokens", state.tokens);
  writer.add("checkpoint.epoch", state.position.epoch);
  writer.add("checkpoint.index", state.position.index);
  writer.add("curve.points", static_cast<std::uint64_t>(state.curve.size()));
  writer.add("curve.step", GgufArray(column(state.curve, &CurvePoint::step)));
  writer.add("curve.tokens", GgufArray(column(state.curve, &CurvePoint::tokens)));
  writer.add("curve.loss", GgufArray(column(state.curve, &CurvePoint::loss)));
  writer.add("curve.held_out", GgufArray(column(state.curve, &CurvePoint::held_out)));
  writer.add("curve.learning_rate", GgufArray(column(state.curve, &CurvePoint::learning_rate)));
  writer.add("curve.gradient_norm", GgufArray(column(state.curve, &CurvePoint::gradient_norm)));
  each_tensor(parameters, [&](const std::string& name, const Rows& rows) {
    writer.add_tensor(name, 0, {rows.stride, rows.rows},
                      [rows](std::uint64_t offset, std::span<std::byte> out) {
                        const auto bytes = std::as_bytes(all_of(rows)).subspan(offset, out.size());
                        std::copy(bytes.begin(), bytes.end(), out.begin());
                      });
  });
  writer.write(path);
}

RunState load_checkpoint(const std::string& path, std::uint64_t fingerprint, Parameters& parameters) {
  const GgufFile file = GgufFile::open(path);
  if (file.get_or<std::string>("general.type", "") != kKind ||
      file.get_u32("checkpoint.version") != kVersion) {
    fail(ErrorCode::kFormat, "{}: expected a checkpoint of garam train, version {}", path, kVersion);
  }
  if (file.get_u64("checkpoint.fingerprint") != fingerprint) {
    fail(ErrorCode::kArgument,
         "{}: this checkpoint belongs to another configuration, data or seed: give it back what it began "
         "with, or begin "
         "anew",
         path);
  }
  RunState state;
  state.step = file.get_u64("checkpoint.step");
  state.tokens = file.get_u64("checkpoint.tokens");
  state.position = {file.get_u64("checkpoint.epoch"), file.get_u64("checkpoint.index")};
  if (file.get_u64("curve.points") != state.step) {
    fail(ErrorCode::kFormat, "{}: curve.points: expected {}, found {}", path, state.step,
         file.get_u64("curve.points"));
  }
  const std::vector<double>* steps = file.find_array<double>("curve.step");
  if (steps == nullptr || steps->size() != state.step)
    fail(ErrorCode::kFormat, "{}: curve.step: cut short", path);
  state.curve.resize(steps->size());
  read_column(file, "curve.step", state.curve, &CurvePoint::step);
  read_column(file, "curve.tokens", state.curve, &CurvePoint::tokens);
  read_column(file, "curve.loss", state.curve, &CurvePoint::loss);
  read_column(file, "curve.held_out", state.curve, &CurvePoint::held_out);
  read_column(file, "curve.learning_rate", state.curve, &CurvePoint::learning_rate);
  read_column(file, "curve.gradient_norm", state.curve, &CurvePoint::gradient_norm);
  each_tensor(parameters, [&](const std::string& name, const Rows& rows) {
    const GgufTensor* tensor = file.find_tensor(name);
    const std::vector<std::uint64_t> shape = {rows.stride, rows.rows};
    if (tensor == nullptr || tensor->type->id != 0 || tensor->shape != shape) {
      fail(ErrorCode::kFormat, "{}: tensor {}: expected f32 [{}, {}]", path, name, rows.stride, rows.rows);
    }
    file.read(*tensor, 0, std::as_writable_bytes(all_of(rows)));
  });
  return state;
}

}  // namespace garam::training
