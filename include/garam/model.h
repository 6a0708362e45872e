// A language model in memory: weights packed for the CPU, tokenizer and hyper-parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "garam/kernel_set.h"
#include "garam/tokenizer.h"

namespace garam {

/// Called now and then during long work with the share done, 0 to 1, from the thread that started the work.
using Progress = std::function<void(double done)>;

/// A LoRA adapter: a GGUF file in the format of llama.cpp (general.type "adapter"), f32, f16, bf16 or any
/// other weight type. With y = W x the product of a matrix that it names, it makes that y + f B (A x), f =
/// scale * alpha / rank (docs/lora.md).
struct Adapter {
  std::string path;
  float scale = 1;  ///< finite; with 0 the file is checked and nothing is added
};

/// A whole GGUF file in memory, for instance one that was linked into the program.
struct ModelBytes {
  std::span<const std::byte> bytes;  ///< must stay as they are until the call that takes them returns
  std::string name = "model";        ///< stands for the path in messages
};

/// How to load a model.
struct LoadOptions {
  KernelSet kernels = KernelSet::kAuto;  ///< forcing a set the CPU lacks is Error(kUnsupported)
  unsigned threads = 0;    ///< workers for loading and computing, 1 to 1024; 0 = default_threads()
  Progress progress{};     ///< bytes read, as a share
  std::stop_token stop{};  ///< ends loading with Error(kCancelled)
  /// A folder that keeps the packed weights, made when there is none; empty = off. The first load of a model
  /// writes them there, in one step and as much again as the weights on the disk; later loads map that file,
  /// which takes a fraction of the time, and build the tokenizer in the background (Model::tokenizer()). A
  /// file that is damaged, or that is not of the model's very bytes as far as size, time of the last write,
  /// keys, tensor list and 64 samples tell, is packed anew and replaced; where it cannot be written, the
  /// model loads without it. Model::pack_cache() says what happened. No result depends on it. Processes may
  /// share a folder; while a model is in use nobody may shorten its file there (docs/limits.md).
  std::string pack_cache{};
  /// Compares every byte of the pack cache with its checksum and every byte of the model file with what was
  /// packed, instead of samples. What differs is packed anew. Weights that are packed are checked in any
  /// case.
  bool check_tensors = false;
  /// Added to the products of the weights, in this order; logits are a function of them too. Without any, and
  /// where every scale is 0, they are the base model's to the last bit. The pack cache stays that of the
  /// base.
  std::vector<Adapter> adapters{};
};

/// What the pack cache did for a load.
enum class PackCacheUse {
  kOff,      ///< none was asked for
  kHit,      ///< the weights are those of the file, mapped
  kWritten,  ///< packed anew and written
  kFailed,   ///< packed anew; the file could not be written
};

/// What the pack cache did for a load, and why.
struct PackCacheInfo {
  PackCacheUse use = PackCacheUse::kOff;
  std::string path;  ///< the file; empty when off
  /// Of kWritten: why the file there could not be used. Of kFailed: why it could not be written.
  std::string reason;
};

/// One tensor of the file, as `inspect` shows it.
struct TensorInfo {
  std::string name;
  std::string type;                  ///< ggml's name of the weight type, e.g. "q4_0"
  std::vector<std::uint64_t> shape;  ///< rows first: a weight of `rows x columns` is {rows, columns}
  std::uint64_t bytes = 0;           ///< in the file
};

/// An adapter that a model was loaded with.
struct AdapterInfo {
  std::string path;
  std::string name;              ///< general.name, may be empty
  float scale = 1;               ///< as in Adapter
  float alpha = 0;               ///< adapter.lora.alpha; 0: the file has none, and the factor is the scale
  std::size_t tensors = 0;       ///< matrices of the base that it adapts
  std::uint64_t parameters = 0;  ///< values in all A and B; 4 bytes each in memory, A rounded up to 32 rows
};

/// What a file says about itself. Readable without loading weights: see inspect().
struct ModelInfo {
  std::string architecture;                               ///< general.architecture, e.g. "llama"
  std::string name;                                       ///< general.name, may be empty
  std::vector<std::pair<std::string, std::string>> keys;  ///< in file order; long arrays are abbreviated
  std::vector<TensorInfo> tensors;                        ///< in file order
  std::uint64_t file_bytes = 0;                           ///< all files that are read together
  std::uint64_t parameters = 0;                           ///< weights in all tensors
  std::uint64_t weight_bytes = 0;                         ///< predicted memory of the packed weights
  std::uint64_t kv_bytes_per_page = 0;                    ///< predicted memory of 64 positions of f16 KV,
                                                          ///< before a window drops those behind it
  std::uint64_t kv_bytes_per_page_f32 = 0;                ///< the same of f32
  std::uint64_t kv_bytes_per_page_q8_0 = 0;               ///< the same of q8_0
  std::size_t context = 0;  ///< the context the model was trained with, in tokens
  std::size_t vocab = 0;    ///< tokens in the vocabulary
  std::size_t width = 0;    ///< embedding length
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t hidden = 0;  ///< feed-forward length
  std::size_t scores = 0;  ///< outputs of a classification head, see Session::scores(); 0: there is none
  std::vector<std::string> score_labels;  ///< their names, as many or none
  /// Tokens that window_layers see, the token itself included; 0: all layers see everything. Computed as the
  /// file says. Where all layers have a window, or some, keys and values well behind it are dropped.
  std::size_t window = 0;
  std::size_t window_layers = 0;  ///< layers that see a window
  /// Those of LoadOptions, in their order; none of a file that is only inspected.
  std::vector<AdapterInfo> adapters;
};

/// Reads what a GGUF file or a Hugging Face folder says about itself, without its weights; keys and tensors
/// of a folder have the names that GGUF gives them. Throws Error as Model::load does for the container; an
/// architecture or weight type that garam does not compute is not an error here (the predicted memory is then
/// 0), but in a folder it is.
ModelInfo inspect(const std::string& path);
/// The same of a GGUF file in memory.
ModelInfo inspect(const ModelBytes& file);

/// The tokenizer of a GGUF file or a Hugging Face folder, without its weights: also of one that holds nothing
/// but a vocabulary (tokenizer.json). Throws Error as Model::load does for the container and the vocabulary,
/// kUnsupported when there is no vocabulary.
Tokenizer load_tokenizer(const std::string& path);
/// The same of a GGUF file in memory.
Tokenizer load_tokenizer(const ModelBytes& file);

/// An immutable model. Copies share one set of weights; any number of sessions and threads may use it at
/// once.
class Model {
 public:
  /// Reads a GGUF file (version 2 or 3; of a split file name the first part) or a Hugging Face folder
  /// (config.json, *.safetensors, tokenizer.json: docs/hugging-face.md) with bounded reads and packs the
  /// weights once, or maps packed ones (LoadOptions::pack_cache). A folder computes the same bits as the same
  /// model in GGUF. Nothing depends on the files afterwards, those of adapters included. Throws Error: kIo,
  /// kFormat, kUnsupported, kOutOfMemory, kCancelled, kArgument.
  static Model load(const std::string& path, const LoadOptions& options = {});
  /// The same from a GGUF file in memory, whose bytes may go afterwards. Throws Error as the other, and
  /// kUnsupported for a part of a split file.
  static Model load(const ModelBytes& file, const LoadOptions& options = {});

  /// Keys, tensors, sizes, predicted memory. Lives as long as the model.
  const ModelInfo& info() const noexcept;
  /// The model's tokenizer. Throws Error(kUnsupported) when the file has none ("no vocabulary"). After a load
  /// from the pack cache it waits until the tokenizer is built and throws what is wrong with the vocabulary,
  /// which any other load would have found itself. Any number of threads may call it at once.
  const Tokenizer& tokenizer() const;
  /// What LoadOptions::pack_cache did. Lives as long as the model.
  const PackCacheInfo& pack_cache() const noexcept;
  /// A 64-bit hash of everything in the file and its adapters that decides logits and token ids. Session
  /// files carry it.
  std::uint64_t fingerprint() const noexcept;
  /// The kernel set in use.
  KernelSet kernels() const noexcept;
  /// Which kernels serve this model, e.g. "avx512 (q4_0: avx512-vnni)".
  std::string kernel_description() const;
  /// Workers available to sessions of this model.
  unsigned threads() const noexcept;

  struct Impl;
  /// For the library's own classes.
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace garam
