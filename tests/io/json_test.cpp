// JSON documents: what they hold comes back, and hostile ones are refused in bounded time and memory.
#include "io/json.h"

#include <gtest/gtest.h>

#include "garam/error.h"
#include "support/refusal.h"

namespace garam {
namespace {

std::string refusal(const std::string& text, const JsonLimits& limits = {}) {
  try {
    JsonDocument::parse(text, "a.json", limits);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFormat);
    return error.what();
  }
  return "";
}

TEST(Json, ValuesComeBack) {
  const JsonDocument document = JsonDocument::parse(
      R"({"a": {"b": [1, -2, 2.5, "x\u00e9", true, null]}, "": 18446744073709551615, "n": null})", "a.json",
      {});
  const JsonValue root = document.root();
  EXPECT_EQ(root.size(), 3u);
  EXPECT_EQ(root.at("").integer(0, UINT64_MAX), UINT64_MAX);
  EXPECT_FALSE(root.find("n"));
  EXPECT_FALSE(root.find("absent"));
  const JsonValue list = root.at("a").at("b");
  std::vector<JsonValue> values;
  for (const JsonValue value : list.elements()) values.push_back(value);
  ASSERT_EQ(values.size(), 6u);
  EXPECT_EQ(values[0].integer(0, 9), 1u);
  EXPECT_EQ(values[1].real(-3, 3), -2.0);
  EXPECT_EQ(values[2].real(-3, 3), 2.5);
  EXPECT_EQ(values[3].string(), "x\xc3\xa9");
  EXPECT_TRUE(values[4].boolean());
  EXPECT_TRUE(values[5].is(JsonKind::kNull));
  EXPECT_EQ(values[3].where(), "a.json: a.b[3]");
}

TEST(Json, WrongKindsSayWhereAndWhat) {
  const JsonDocument document = JsonDocument::parse(R"({"a": {"b": [-1, 1.5, "t"]}})", "a.json", {});
  const JsonValue list = document.root().at("a").at("b");
  const auto message = [](const auto& ask) -> std::string {
    try {
      ask();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  auto at = list.elements().begin();
  const JsonValue negative = *at, real = *++at, text = *++at;
  EXPECT_EQ(message([&] { negative.integer(0, 5); }),
            "a.json: a.b[0]: expected an integer from 0 to 5, found -1");
  EXPECT_EQ(message([&] { real.integer(0, 5); }),
            "a.json: a.b[1]: expected an integer from 0 to 5, found 1.5");
  EXPECT_EQ(message([&] { real.real(2, 3); }), "a.json: a.b[1]: expected a number from 2 to 3, found 1.5");
  EXPECT_EQ(message([&] { text.boolean(); }), "a.json: a.b[2]: expected true or false, found \"t\"");
  EXPECT_EQ(message([&] { list.string(); }), "a.json: a.b: expected a string, found an array of 3");
  EXPECT_EQ(message([&] { document.root().at("x"); }), "a.json: expected a member \"x\", found none");
}

TEST(Json, HostileTextsAreRefused) {
  const std::pair<const char*, std::string> kCases[] = {
      {"nothing", ""},
      {"cut", "{\"a\": [1, 2"},
      {"more behind", "{} {}"},
      {"control character", "{\"a\nb\": 1}"},
      {"bytes that are not UTF-8", "{\"a\": \"\xff\xfe\"}"},
      {"half of a surrogate pair", "{\"a\": \"\\ud800\"}"},
      {"number beyond doubles", "{\"a\": 1e999}"},
      {"NaN", "{\"a\": NaN}"},
      {"comment", "{/* */}"},
      {"a name twice", "{\"a\": 1, \"b\": 2, \"a\": 3}"},
      {"a name twice, escaped", "{\"a\": 1, \"\\u0061\": 3}"},
      {"deep arrays", std::string(1000000, '[')},
      {"deep objects",
       [] {
         std::string text;
         for (int i = 0; i < 200000; ++i) text += "{\"a\":";
         return text;
       }()},
  };
  const test::MemoryCeiling ceiling(std::size_t{64} << 20);
  for (const auto& [what, text] : kCases) EXPECT_TRUE(test::helps(refusal(text), "a.json")) << what;
}

TEST(Json, LimitsHold) {
  std::string many = "[0";
  for (int i = 1; i < 1000; ++i) many += ",0";
  many += "]";
  EXPECT_EQ(refusal(many, {.values = 1001}), "");
  EXPECT_TRUE(test::helps(refusal(many, {.values = 1000}), "a.json", {"1000 JSON values"}));
  EXPECT_TRUE(test::helps(refusal(many, {.bytes = 100}), "a.json", {"100 bytes"}));
  EXPECT_EQ(refusal("[[[]]]", {.depth = 3}), "");
  EXPECT_TRUE(test::helps(refusal("[[[[]]]]", {.depth = 3}), "a.json", {"3 deep"}));
}

}  // namespace
}  // namespace garam
