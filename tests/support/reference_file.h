// A GGUF file taken apart for the reference forward: scalar keys, and tensors decoded to double straight from
// the file's rows. Shares no code with src/io, src/tensor or the kernels, so that an error of theirs shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace garam::test {

/// A tensor in double, rows first. The type decides how the engine rounds activations that meet it.
struct ReferenceTensor {
  std::vector<std::size_t> shape;
  std::uint32_t type = 0;  // ggml's number
  std::vector<double> values;
};

struct ReferenceFile {
  std::map<std::string, double> numbers;  // integers, floats and booleans
  std::map<std::string, std::string> strings;
  std::map<std::string, ReferenceTensor> tensors;

  /// Throws std::runtime_error for files it cannot read: it is made for well-formed ones.
  static ReferenceFile read(const std::string& path);

  std::optional<double> number(const std::string& key) const;
  /// Throws std::runtime_error when there is none.
  const ReferenceTensor& tensor(const std::string& name) const;
  const ReferenceTensor* find(const std::string& name) const;
};

}  // namespace garam::test
