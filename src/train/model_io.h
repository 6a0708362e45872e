// Models in training and their files.
#pragma once

#include "garam/train.h"
#include "io/gguf_writer.h"
#include "train/network.h"

namespace garam::training {

/// Of a new model. Throws Error(kArgument).
Shape new_shape(const TrainConfig& config, std::size_t vocab);
/// Of a model file. Throws Error(kUnsupported) for what garam does not train, naming it, and Error(kFormat).
Shape shape_of(const ModelFile& base);

/// Random values (garam/train.h, TrainModel) that depend on nothing but deviation, seed, shape and tensor.
/// Of an adapter a is normal with deviation 1 / sqrt(inputs) and b is 0, so that it begins without effect.
void initialise(Network& network, double deviation, std::uint64_t seed);
/// Values of all tensors but adapters. Throws Error(kFormat) for those that are missing or of another shape.
void load_values(Network& network, const ModelFile& base);

/// The model as an f32 file: keys of `base`, or those of the shape, and the vocabulary's. Sources refer to
/// `network`.
GgufWriter model_writer(Network& network, const ModelFile& vocabulary, const ModelFile* base);
/// The adapters in llama.cpp's format.
GgufWriter adapter_writer(Network& network);

}  // namespace garam::training
