// Where the tests find the data that is not part of the repository: models, vocabularies, expected logits.
// A test that needs some says GTEST_SKIP() with shared_missing() where this gives nothing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace garam::test {

/// `relative` below $GARAM_SHARED, or below ../shared beside the source tree; nothing where it does not
/// exist.
std::optional<std::filesystem::path> shared_path(std::string_view relative);

/// The files of the folder `relative` whose names end in `suffix`, sorted; empty where there is no folder.
std::vector<std::filesystem::path> shared_files(std::string_view relative, std::string_view suffix);

/// `relative` below the source tree.
std::filesystem::path source_path(std::string_view relative);

/// The reason to give when shared_path(relative) found nothing.
std::string shared_missing(std::string_view relative);

}  // namespace garam::test
