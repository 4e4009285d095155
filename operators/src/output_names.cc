#include "output_names.h"

namespace weir::operators {
namespace {

// Takes names apart from the front.
class NameScan {
 public:
  explicit NameScan(std::string_view name) : rest_(name) {}

  NameScan& text(std::string_view wanted) {
    is_ok_ = is_ok_ && rest_.substr(0, wanted.size()) == wanted;
    if (is_ok_) rest_.remove_prefix(wanted.size());
    return *this;
  }
  NameScan& number(std::size_t width, std::uint64_t& value) {
    is_ok_ = is_ok_ && rest_.size() >= width;
    value = 0;
    for (std::size_t i = 0; is_ok_ && i < width; ++i) {
      is_ok_ = rest_[i] >= '0' && rest_[i] <= '9';
      value = 10 * value + static_cast<std::uint64_t>(rest_[i] - '0');
    }
    if (is_ok_) rest_.remove_prefix(width);
    return *this;
  }
  bool at_end() const { return is_ok_ && rest_.empty(); }
  bool at(char c) const { return is_ok_ && !rest_.empty() && rest_.front() == c; }

 private:
  std::string_view rest_;
  bool is_ok_ = true;
};

}  // namespace

std::string escaped_name(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || (c == '.' && !out.empty());
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::string fixed_width(std::uint64_t number, std::size_t width) {
  std::string digits = std::to_string(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

std::optional<NameParts> parse_staged_name(std::string_view name, std::string_view job,
                                           std::string_view sink) {
  NameParts parts;
  std::uint64_t ignored = 0;
  NameScan scan(name);
  scan.text(escaped_name(job)).text("~").text(escaped_name(sink)).text("~");
  scan.number(kTaskDigits, parts.task).text("~").number(kCheckpointDigits, parts.checkpoint);
  scan.text("~").number(kEpochDigits, ignored).text("~").number(kSequenceDigits, ignored);
  return scan.at_end() ? std::optional(parts) : std::nullopt;
}

std::optional<NameParts> parse_target_name(std::string_view name, std::string_view sink) {
  NameParts parts;
  std::uint64_t ignored = 0;
  NameScan scan(name);
  scan.text(escaped_name(sink)).text("-").number(kTaskDigits, parts.task).text("-");
  scan.number(kCheckpointDigits, parts.checkpoint).text("-").number(kNumberDigits, ignored);
  return scan.at('.') ? std::optional(parts) : std::nullopt;
}

std::optional<NameParts> parse_record_name(std::string_view name, std::string_view sink) {
  NameParts parts;
  NameScan scan(name);
  scan.text(escaped_name(sink)).text("-").number(kTaskDigits, parts.task);
  return scan.at_end() ? std::optional(parts) : std::nullopt;
}

}  // namespace weir::operators
