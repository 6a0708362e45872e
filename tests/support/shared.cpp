// The environment decides before the source tree does, so that an installed test program can be pointed at
// the data. GARAM_TEST_SOURCE_DIR comes from the build; without it this file's own path serves.
#include "support/shared.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace garam::test {
namespace {

namespace fs = std::filesystem;

fs::path source_root() {
#ifdef GARAM_TEST_SOURCE_DIR
  return GARAM_TEST_SOURCE_DIR;
#else
  return fs::path(__FILE__).parent_path().parent_path().parent_path();
#endif
}

fs::path shared_root() {
  if (const char* set = std::getenv("GARAM_SHARED"); set != nullptr && *set != '\0') return set;
  return source_root().parent_path() / "shared";
}

}  // namespace

std::optional<fs::path> shared_path(std::string_view relative) {
  const fs::path path = shared_root() / relative;
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  return path;
}

std::vector<fs::path> shared_files(std::string_view relative, std::string_view suffix) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(shared_root() / relative, error)) {
    if (entry.path().filename().string().ends_with(suffix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

fs::path source_path(std::string_view relative) {
  return source_root() / relative;
}

std::string shared_missing(std::string_view relative) {
  return "no " + (shared_root() / relative).string() + "; set GARAM_SHARED to the folder that holds it";
}

}  // namespace garam::test
