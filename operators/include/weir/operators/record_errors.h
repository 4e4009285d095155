// What happens to a record that cannot be decoded. The program says it; nothing is dropped
// silently.
#pragma once

#include <cstdint>
#include <string>

#include "weir/runtime/record.h"

namespace weir::operators {

enum class OnBadRecord : std::uint8_t {
  kFail,        // the job stops, naming file and line
  kDrop,        // dropped and counted
  kSideOutput,  // goes to the error stream as a BadRecord
};

// A record that could not be decoded, as it flows on an error stream.
struct BadRecord {
  std::string source;      // path or name of the source
  std::uint64_t line = 0;  // where it starts, from 1
  std::string text;        // the record as it stands there, without its line end
  std::string reason;
  friend bool operator==(const BadRecord&, const BadRecord&) = default;
};
WEIR_RECORD(BadRecord, source, line, text, reason);

// Side streams of these records carry no event time: what could not be decoded has none.
template <class T>
inline constexpr bool kIsUntimedSide = false;
template <>
inline constexpr bool kIsUntimedSide<BadRecord> = true;

}  // namespace weir::operators

namespace weir {
using operators::BadRecord;
using operators::OnBadRecord;
}  // namespace weir
