#include "weir/operators/bad_records.h"

#include "absl/strings/str_cat.h"

namespace weir::operators {

bool BadRecordPolicy::take(const RecordReaderBase& reader, SpoutOutput<BadRecord>& bad) {
  if (on_bad_ == OnBadRecord::kFail) {
    const BadRecord record = reader.bad_record();
    has_failed_ = true;
    context_.fail(absl::InvalidArgumentError(absl::StrCat(
        record.source, ":", record.line, ": ", record.reason,
        "; correct the record, or choose with .on_bad what happens to such records (kDrop or "
        "kSideOutput)")));
    return false;
  }
  context_.metrics->bad.add(1);
  if (on_bad_ == OnBadRecord::kSideOutput) bad.emit(reader.bad_record());
  return ++in_this_poll_ < kMaxPerPoll && (on_bad_ == OnBadRecord::kDrop || bad.room() > 0);
}

}  // namespace weir::operators
