// Session: one sequence, a thin shell over advance().
#include "garam/session.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/fail.h"
#include "model/advance.h"
#include "model/session_impl.h"
#include "ops/low_rank.h"

namespace garam {
namespace {

constexpr std::size_t kMaxContext = std::size_t{1} << 30;
constexpr std::size_t kMaxBatch = 65536;

SessionOptions resolve(const Model& model, SessionOptions options) {
  const Config& config = model.impl().architecture->config();
  if (options.context == 0) options.context = config.context;
  const std::size_t limit = config.max_positions != 0 ? config.max_positions : kMaxContext;
  if (options.context > limit) {
    fail(ErrorCode::kArgument, "context: expected at most {} for this model, found {}", limit,
         options.context);
  }
  if (options.batch == 0 || options.batch > kMaxBatch) {
    fail(ErrorCode::kArgument, "batch: expected 1 to {}, found {}", kMaxBatch, options.batch);
  }
  if (to_string(options.kv_type).empty()) {
    fail(ErrorCode::kArgument, "KV type: expected f16, f32 or q8_0, found number {}",
         static_cast<int>(options.kv_type));
  }
  return options;
}

kernels::KvFormat format_of(KvType type) {
  switch (type) {
    case KvType::kF16:
      return kernels::KvFormat::kF16;
    case KvType::kF32:
      return kernels::KvFormat::kF32;
    case KvType::kQ8_0:
      return kernels::KvFormat::kQ8_0;
  }
  return kernels::KvFormat::kF16;
}

}  // namespace

std::string_view to_string(KvType type) noexcept {
  switch (type) {
    case KvType::kF16:
      return "f16";
    case KvType::kF32:
      return "f32";
    case KvType::kQ8_0:
      return "q8_0";
  }
  return {};
}

KvType parse_kv_type(std::string_view name) {
  for (const KvType type : {KvType::kF16, KvType::kF32, KvType::kQ8_0}) {
    if (name == to_string(type)) return type;
  }
  fail(ErrorCode::kArgument, "KV type: expected f16, f32 or q8_0, found \"{}\"", name);
}

Session::Impl::Impl(Model m, const SessionOptions& o)
    : model(std::move(m)),
      options(resolve(model, o)),
      kv(model.impl().architecture->config().kv_layout(format_of(options.kv_type)),
         static_cast<std::size_t>(model.impl().architecture->config().kv_window())),
      workspace(ops::low_rank_room(model.impl().adapters.widest)) {}

Session::Session(Model model, const SessionOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), options)) {}
Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::prefill(std::span<const std::int32_t> tokens, const PrefillOptions& options) {
  if (tokens.empty()) return;
  Advance part{impl_.get(), tokens, {}};
  if (options.all_logits) {
    part.wanted.resize(tokens.size());
    std::iota(part.wanted.begin(), part.wanted.end(), 0u);
  } else {
    part.wanted = {static_cast<std::uint32_t>(tokens.size() - 1)};
  }
  advance({&part, 1}, options.stop, options.progress);
}

std::span<const float> Session::step(std::int32_t token) {
  prefill({&token, 1});
  return logits();
}

std::span<const float> Session::logits() const noexcept {
  return {impl_->logits.data(), impl_->logit_rows * impl_->model.info().vocab};
}

std::span<const float> Session::scores() const noexcept {
  return impl_->scores;
}

std::size_t Session::logit_rows() const noexcept {
  return impl_->logit_rows;
}
std::span<const std::int32_t> Session::tokens() const noexcept {
  return impl_->tokens;
}
std::size_t Session::context() const noexcept {
  return impl_->options.context;
}
const Model& Session::model() const noexcept {
  return impl_->model;
}
const SessionOptions& Session::options() const noexcept {
  return impl_->options;
}
std::size_t Session::kv_bytes() const noexcept {
  return impl_->kv.bytes();
}

Session Session::fork() const {
  auto impl = std::make_unique<Impl>(impl_->model, impl_->options);
  impl->kv = impl_->kv;
  impl->tokens = impl_->tokens;
  return Session(std::move(impl));
}

void Session::truncate(std::size_t length) {
  if (length > impl_->tokens.size()) {
    fail(ErrorCode::kArgument, "truncate: expected a length of at most {}, found {}", impl_->tokens.size(),
         length);
  }
  if (length == impl_->tokens.size()) return;
  if (length != 0 && length < impl_->kv.smallest_length()) {
    fail(ErrorCode::kArgument,
         "truncate: the sliding window has dropped older positions: expected 0 or at least {}, found {}",
         impl_->kv.smallest_length(), length);
  }
  impl_->kv.truncate(length);
  impl_->tokens.resize(length);
  impl_->forget_logits();
}

void forward(std::span<const Row> rows, std::stop_token stop) {
  if (rows.empty()) return;
  struct Gathered {
    Session* session;
    std::vector<std::int32_t> tokens;
    std::vector<std::uint32_t> wanted;
  };
  std::vector<Gathered> gathered;
  std::unordered_map<const Session*, std::size_t> index;
  for (const Row& row : rows) {
    if (row.session == nullptr) fail(ErrorCode::kArgument, "forward: a row without a session");
    const auto [place, is_new] = index.try_emplace(row.session, gathered.size());
    if (is_new) gathered.push_back({row.session, {}, {}});
    Gathered& g = gathered[place->second];
    if (row.logits) g.wanted.push_back(static_cast<std::uint32_t>(g.tokens.size()));
    g.tokens.push_back(row.token);
  }
  const Session& first = *rows.front().session;
  std::vector<Advance> parts;
  for (Gathered& g : gathered) {
    if (&g.session->model().impl() != &first.model().impl()) {
      fail(ErrorCode::kArgument, "forward: expected sessions of one model, found two models");
    }
    if (g.session->options().kv_type != first.options().kv_type) {
      fail(ErrorCode::kArgument, "forward: expected sessions of one KV type, found {} and {}",
           to_string(first.options().kv_type), to_string(g.session->options().kv_type));
    }
    parts.push_back({&g.session->impl(), g.tokens, std::move(g.wanted)});
  }
  advance(parts, stop, {});
}

}  // namespace garam
