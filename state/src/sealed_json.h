// JSON with a seal: the last line is `"xxh3_128": "<32 hex digits>"}` over all bytes before it. The
// whole text is itself JSON. The seal is verified before anything is parsed, so what comes out was
// written by Weir; what is missing from it was written by another version.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::state {

using Json = nlohmann::ordered_json;

// `object` must be an object with at least one member. Bytes that are not UTF-8 are replaced.
std::string seal(const Json& object);
// kDataLoss, naming `place`, if the seal does not fit the text.
absl::StatusOr<Json> unseal(std::string_view text, std::string_view place);

// Reads members of one JSON object; the first that is missing or of another type is remembered, and
// every later answer is empty.
class JsonReader {
 public:
  JsonReader(const Json& object, std::string_view place, absl::Status* status)
      : object_(object), place_(place), status_(status) {}

  std::string text(const char* name);
  std::string bytes(const char* name);  // base64
  std::uint64_t number(const char* name);
  std::int64_t signed_number(const char* name);
  bool flag(const char* name);
  const Json& array(const char* name);

  // The reader for an element of an array of objects.
  JsonReader inside(const Json& element) const { return JsonReader(element, place_, status_); }

 private:
  const Json* find(const char* name, bool (*is_right)(const Json&));

  const Json& object_;
  std::string_view place_;
  absl::Status* status_;
};

std::string to_base64(std::string_view bytes);

}  // namespace weir::state
