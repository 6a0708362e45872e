// What a refusal of hostile input has to look like, and a ceiling on the memory that it may take.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <initializer_list>
#include <string_view>

namespace garam::test {

/// A message that helps: one short line of printable ASCII that names the file, what was expected and what
/// was found, and has all `parts`.
inline testing::AssertionResult helps(std::string_view message, std::string_view file,
                                      std::initializer_list<std::string_view> parts = {}) {
  if (message.empty()) return testing::AssertionFailure() << "nothing was refused";
  const auto has = [&](std::string_view part) { return message.find(part) != std::string_view::npos; };
  for (const std::string_view part : {file, std::string_view("expected"), std::string_view("found")}) {
    if (!has(part)) return testing::AssertionFailure() << "does not say \"" << part << "\": " << message;
  }
  for (const std::string_view part : parts) {
    if (!has(part)) return testing::AssertionFailure() << "does not say \"" << part << "\": " << message;
  }
  if (message.size() > 700 + 2 * file.size()) {
    return testing::AssertionFailure() << "is " << message.size() << " bytes long: " << message;
  }
  for (const char c : message) {
    if (c < ' ' || c > '~') return testing::AssertionFailure() << "has byte " << static_cast<int>(c);
  }
  return testing::AssertionSuccess();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// While it lives the process may take `bytes` of address space more than it had; what asks for more fails.
/// Nothing under sanitizers, whose shadow memory is larger than any limit.
class MemoryCeiling {
 public:
  explicit MemoryCeiling(std::size_t bytes) {
    if (kSanitized || ::getrlimit(RLIMIT_AS, &before_) != 0) return;
    rlimit limit = before_;
    limit.rlim_cur = pages() * 4096 + bytes;
    set_ = ::setrlimit(RLIMIT_AS, &limit) == 0;
  }
  ~MemoryCeiling() {
    if (set_) ::setrlimit(RLIMIT_AS, &before_);
  }
  MemoryCeiling(const MemoryCeiling&) = delete;
  MemoryCeiling& operator=(const MemoryCeiling&) = delete;

 private:
  static std::size_t pages() {
    std::size_t pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
      std::fclose(file);
    }
    return pages;
  }

  rlimit before_{};
  bool set_ = false;
};

}  // namespace garam::test
