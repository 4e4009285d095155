#include "sealed_json.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "weir/runtime/content_hash.h"

namespace weir::state {
namespace {

constexpr std::string_view kSealStart = "\"xxh3_128\": \"";
constexpr std::string_view kSealEnd = "\"}\n";
constexpr std::size_t kSealSize = kSealStart.size() + runtime::kContentHashDigits + kSealEnd.size();

absl::string_view absl_view(std::string_view s) { return {s.data(), s.size()}; }

absl::Status damaged(std::string_view place, std::string_view how) {
  return absl::DataLossError(absl::StrCat(absl_view(place), " is damaged: ", absl_view(how)));
}

}  // namespace

std::string seal(const Json& object) {
  std::string text = object.dump(1, ' ', false, Json::error_handler_t::replace);
  text.resize(text.rfind('}'));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  text += ",\n";
  const std::string hash = runtime::content_hash(text);
  return absl::StrCat(text, absl_view(kSealStart), hash, absl_view(kSealEnd));
}

absl::StatusOr<Json> unseal(std::string_view text, std::string_view place) {
  if (text.size() < kSealSize) return damaged(place, "it is truncated");
  const std::string_view body = text.substr(0, text.size() - kSealSize);
  const std::string_view tail = text.substr(body.size());
  if (tail.substr(0, kSealStart.size()) != kSealStart ||
      tail.substr(kSealStart.size() + runtime::kContentHashDigits) != kSealEnd) {
    return damaged(place, "its end, which holds the hash of the rest, is missing");
  }
  if (tail.substr(kSealStart.size(), runtime::kContentHashDigits) != runtime::content_hash(body)) {
    return damaged(place, "its content does not fit the hash at its end");
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return damaged(place, "it is not a JSON object");
  return json;
}

std::string to_base64(std::string_view bytes) { return absl::Base64Escape(absl_view(bytes)); }

const Json* JsonReader::find(const char* name, bool (*is_right)(const Json&)) {
  if (!status_->ok()) return nullptr;
  if (object_.is_object()) {
    if (const auto it = object_.find(name); it != object_.end() && is_right(*it)) return &*it;
  }
  *status_ = absl::FailedPreconditionError(
      absl::StrCat(absl_view(place_), " has no usable \"", name,
                   "\"; it was written by another version of Weir: use that version, or start "
                   "with a new state folder"));
  return nullptr;
}

std::string JsonReader::text(const char* name) {
  const Json* value = find(name, [](const Json& j) { return j.is_string(); });
  return value == nullptr ? std::string() : value->get<std::string>();
}

std::string JsonReader::bytes(const char* name) {
  std::string decoded;
  if (!absl::Base64Unescape(text(name), &decoded) && status_->ok()) {
    *status_ = damaged(place_, absl::StrCat("\"", name, "\" is not base64"));
  }
  return decoded;
}

std::uint64_t JsonReader::number(const char* name) {
  const Json* value = find(name, [](const Json& j) { return j.is_number_unsigned(); });
  return value == nullptr ? 0 : value->get<std::uint64_t>();
}

std::int64_t JsonReader::signed_number(const char* name) {
  const Json* value = find(name, [](const Json& j) { return j.is_number_integer(); });
  return value == nullptr ? 0 : value->get<std::int64_t>();
}

bool JsonReader::flag(const char* name) {
  const Json* value = find(name, [](const Json& j) { return j.is_boolean(); });
  return value != nullptr && value->get<bool>();
}

const Json& JsonReader::array(const char* name) {
  static const Json kNothing = Json::array();
  const Json* value = find(name, [](const Json& j) { return j.is_array(); });
  return value == nullptr ? kNothing : *value;
}

}  // namespace weir::state
