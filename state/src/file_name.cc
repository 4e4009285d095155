#include "file_name.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "weir/runtime/content_hash.h"

namespace weir::state {
namespace {

constexpr std::size_t kLongestTask = 32;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_plain(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return is_plain(c); });
}

std::optional<std::uint64_t> parse_digits(std::string_view text) {
  std::uint64_t value = 0;
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::string FileName::text() const {
  return absl::StrFormat("e%08d-c%012d-%s-%05d-%08d-%s.%s", epoch.value, checkpoint.value, task,
                         index, sequence, hash, extension);
}

std::optional<FileName> FileName::parse(std::string_view name) {
  const std::vector<std::string> parts =
      absl::StrSplit(absl::string_view(name.data(), name.size()), '-');
  if (parts.size() != 6 || parts[0][0] != 'e' || parts[1][0] != 'c') return std::nullopt;
  const std::size_t dot = parts[5].find('.');
  if (dot != runtime::kContentHashDigits) return std::nullopt;
  const auto epoch = parse_digits(std::string_view(parts[0]).substr(1));
  const auto checkpoint = parse_digits(std::string_view(parts[1]).substr(1));
  const auto index = parse_digits(parts[3]);
  const auto sequence = parse_digits(parts[4]);
  if (!epoch || !checkpoint || !index || !sequence) return std::nullopt;
  FileName file{runtime::Epoch(*epoch),
                runtime::CheckpointId(*checkpoint),
                parts[2],
                static_cast<std::uint32_t>(*index),
                *sequence,
                parts[5].substr(0, dot),
                parts[5].substr(dot + 1)};
  const bool plain = is_plain(file.task) && is_plain(file.hash) && is_plain(file.extension);
  if (!plain || file.text() != name) return std::nullopt;
  return file;
}

std::string task_name(std::string_view uid) {
  if (!uid.empty() && uid.size() <= kLongestTask && is_plain(uid)) return std::string(uid);
  std::string name;
  for (const char c : uid.substr(0, kLongestTask / 2)) name.push_back(is_plain(c) ? c : '_');
  return name + "_" + runtime::content_hash(uid).substr(0, 12);
}

std::string checkpoint_name(runtime::CheckpointId id) { return absl::StrFormat("%012d", id.value); }

std::optional<runtime::CheckpointId> parse_checkpoint_name(std::string_view name) {
  const auto value = parse_digits(name);
  if (!value || checkpoint_name(runtime::CheckpointId(*value)) != name) return std::nullopt;
  return runtime::CheckpointId(*value);
}

}  // namespace weir::state
