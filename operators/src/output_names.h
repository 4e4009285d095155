// Names of output files: built and taken apart, never matched by a prefix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::operators {

// `name` with everything but letters, digits, '_', '-' and inner '.' as %XX: different names stay
// different, and none is a path.
std::string escaped_name(std::string_view name);

// `number` in exactly `width` digits, with zeros in front.
std::string fixed_width(std::uint64_t number, std::size_t width);

inline constexpr std::size_t kTaskDigits = 4;
inline constexpr std::size_t kCheckpointDigits = 12;
inline constexpr std::size_t kEpochDigits = 10;
inline constexpr std::size_t kSequenceDigits = 8;
inline constexpr std::size_t kNumberDigits = 4;

struct NameParts {
  std::uint64_t task = 0;
  std::uint64_t checkpoint = 0;
};

// JOB~SINK~TTTT~CCCCCCCCCCCC~EEEEEEEEEE~SSSSSSSS of exactly this job and sink.
std::optional<NameParts> parse_staged_name(std::string_view name, std::string_view job,
                                           std::string_view sink);
// SINK-TTTT-CCCCCCCCCCCC-NNNN.ENDING of exactly this sink, with any ending.
std::optional<NameParts> parse_target_name(std::string_view name, std::string_view sink);
// SINK-TTTT of exactly this sink.
std::optional<NameParts> parse_record_name(std::string_view name, std::string_view sink);

}  // namespace weir::operators
