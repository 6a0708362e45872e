// Loading: read the container, let the architecture declare what it needs, check that nothing is left over,
// then fill. Order matters: everything cheap that can be wrong is found before anything large is allocated.
#include "garam/model.h"

#include <algorithm>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/hash.h"
#include "base/printable.h"
#include "model/describe.h"
#include "model/gguf_source.h"
#include "model/load_weights.h"
#include "model/model_impl.h"
#include "model/open_model.h"
#include "model/pack_cache.h"
#include "model/vocab_from_gguf.h"

namespace garam {
namespace {

constexpr unsigned kMaxThreads = 1024;

unsigned thread_count(unsigned asked) {
  if (asked > kMaxThreads) {
    fail(ErrorCode::kArgument, "threads: expected 0 to {}, found {}", kMaxThreads, asked);
  }
  return asked == 0 ? default_threads() : asked;
}

/// Such a file has the keys of no model; what they lack would be said instead.
void refuse_adapter(const ModelFile& file) {
  const GgufValue* type = file.find("general.type");
  if (type == nullptr || *type != GgufValue(std::string("adapter"))) return;
  fail(ErrorCode::kUnsupported,
       "{}: key general.type: expected a model, found an adapter; load the model it is for and name it as an "
       "adapter (--lora)",
       file.path());
}

/// A tensor that nobody uses would be a silently wrong answer: a bias ignored, a norm left out.
void refuse_unused(const ModelFile& file, const Weights& weights, const std::string& architecture) {
  for (const GgufTensor& tensor : file.tensors()) {
    if (weights.used(tensor.name)) continue;
    fail(ErrorCode::kUnsupported,
         "{}: expected only tensors that architecture {} computes with, found another; "
         "leaving it out would give wrong text",
         file.origin(tensor), architecture);
  }
}

void check_vocab(const std::string& path, std::size_t tokens, std::size_t rows) {
  if (tokens == rows) return;
  fail(ErrorCode::kFormat, "{}: tensor token_embd.weight: expected {} rows, one a token, found {}", path,
       tokens, rows);
}

/// The packed weights of the cache, if it has them.
std::optional<PackCache::Packed> find_packed(const PackCache& cache, const ModelFile& file,
                                             const Weights& weights, ThreadPool& pool,
                                             const LoadOptions& options, std::string& reason) {
  auto packed = cache.open(options.check_tensors, pool, reason);
  if (!packed || !options.check_tensors) return packed;
  LoadOptions quietly;  // progress begins when it is known whether there is anything to pack
  quietly.stop = options.stop;
  if (hash_matrices(file, weights, pool, quietly) == packed->matrices) return packed;
  reason = formatted("{}: the weights of {} have changed since they were packed", cache.path(), file.path());
  return std::nullopt;
}

/// Packs, and builds the tokenizer beside that. Returns the hash of what was read.
std::uint64_t pack(const ModelFile& file, Model::Impl& impl, std::optional<VocabData>& vocab,
                   const LoadOptions& options) {
  impl.arena = Memory(impl.info.weight_bytes, "weights");
  place_matrices(*impl.weights, impl.arena);
  return load_matrices(file, *impl.weights, *impl.pool, options, [&] {
    if (!vocab) return;
    impl.tokenizer.build(*std::move(vocab), impl.path);
    check_vocab(impl.path, impl.tokenizer.get()->size(), impl.info.vocab);
  });
}

/// What the cache cannot take is no reason not to have the model.
void store_packed(const PackCache& cache, Model::Impl& impl, std::uint64_t matrices,
                  const LoadOptions& options) {
  try {
    cache.store(impl.arena, matrices, *impl.pool, options);
    impl.pack_cache.use = PackCacheUse::kWritten;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kIo) throw;
    impl.pack_cache.use = PackCacheUse::kFailed;
    impl.pack_cache.reason = error.what();
  }
}

}  // namespace

Model Model::load(const std::string& path, const LoadOptions& options) {
  return Model(Impl::load(open_model(path), options));
}

Model Model::load(const ModelBytes& file, const LoadOptions& options) {
  return Model(Impl::load(open_model(file), options));
}

std::shared_ptr<const Model::Impl> Model::Impl::load(std::unique_ptr<ModelFile> opened,
                                                     const LoadOptions& options) {
  const FloatEnvironment environment;
  const unsigned threads = thread_count(options.threads);
  auto impl = std::make_shared<Impl>();
  impl->kernels = choose_kernels(options.kernels);

  ModelFile& file = *opened;
  const std::string& path = impl->path = file.path();
  refuse_adapter(file);
  const GgufKeys keys(file);
  const GgufTensors tensors(file);
  impl->info = describe(file);
  impl->weights.emplace(tensors);
  impl->architecture = make_architecture(impl->info.architecture, keys, tensors, *impl->weights);
  refuse_unused(file, *impl->weights, impl->info.architecture);
  describe_architecture(impl->architecture->config(), *impl->weights, file.path(), impl->info);
  const OpenAdapters adapters(options.adapters, file, *impl->weights);
  impl->info.adapters = adapters.infos();
  std::optional<VocabData> vocab = vocab_from_gguf(file);

  impl->pool = std::make_unique<ThreadPool>(threads);
  const std::uint64_t metadata = file.metadata_hash();
  const std::uint64_t vectors = load_vectors(file, *impl->weights);
  std::uint64_t matrices = 0;
  std::optional<PackCache> cache;
  std::optional<PackCache::Packed> packed;
  LoadOptions packing = options;
  if (!options.pack_cache.empty()) {
    cache.emplace(options.pack_cache, file, *impl->weights, metadata, vectors);
    impl->pack_cache.path = cache->path();
    packed = find_packed(*cache, file, *impl->weights, *impl->pool, options, impl->pack_cache.reason);
    if (options.progress) packing.progress = [&](double done) { options.progress(done / 2); };
  }
  if (packed) {
    if (options.stop.stop_requested()) fail(ErrorCode::kCancelled, "{}: loading was cancelled", path);
    impl->pack_cache.use = PackCacheUse::kHit;
    impl->arena = std::move(packed->arena);
    place_matrices(*impl->weights, impl->arena);
    matrices = packed->matrices;
    // This very vocabulary was fine when the weights were packed: waiting for it would be most of the load.
    if (vocab) {
      check_vocab(path, vocab->tokens.size(), impl->info.vocab);
      impl->tokenizer.start(*std::move(vocab), path);
    }
  } else {
    matrices = pack(file, *impl, vocab, packing);
  }
  impl->architecture->prepare();
  impl->adapters = adapters.load(*impl->weights, options.stop);
  impl->fingerprint = hash_mix(vectors + matrices, metadata);
  if (impl->adapters.widest > 0) impl->fingerprint = hash_mix(impl->fingerprint, impl->adapters.hash);
  file.check_unchanged();
  if (cache && !packed) store_packed(*cache, *impl, matrices, options);
  if (options.progress) options.progress(1);
  return impl;
}

const ModelInfo& Model::info() const noexcept {
  return impl_->info;
}

const Tokenizer& Model::tokenizer() const {
  const Tokenizer* tokenizer = impl_->tokenizer.get();
  if (tokenizer == nullptr) fail(ErrorCode::kUnsupported, "{}: the file has no vocabulary", impl_->path);
  return *tokenizer;
}

std::uint64_t Model::fingerprint() const noexcept {
  return impl_->fingerprint;
}
const PackCacheInfo& Model::pack_cache() const noexcept {
  return impl_->pack_cache;
}
KernelSet Model::kernels() const noexcept {
  return impl_->kernels.set;
}
unsigned Model::threads() const noexcept {
  return impl_->pool->workers();
}

std::string Model::kernel_description() const {
  std::string formats;
  for (const WeightFormat* format : weight_formats()) {
    const auto& matrices = impl_->weights->matrices();
    const bool used = std::any_of(matrices.begin(), matrices.end(),
                                  [&](const auto& named) { return named.matrix.format == format; });
    if (!used) continue;
    if (!formats.empty()) formats += ", ";
    formats += formatted("{}: {}", format->name,
                         impl_->kernels.table.matmul_name[static_cast<std::size_t>(format->format)]);
  }
  return formatted("{} ({})", impl_->kernels.table.name, formats);
}

}  // namespace garam
