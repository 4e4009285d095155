// stdin_lines, csv_stdin, ndjson_stdin, tcp_lines: spouts whose input cannot be read a second time.
//
//   t.spout("lines", weir::stdin_lines())
//   t.spout("lines", weir::tcp_lines(7001))       // 127.0.0.1 only; any number of connections
//
// At most once across a restart: what was read after the restored checkpoint is gone, and reading
// goes on with what comes next. Where that is not enough, put the input into files first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "weir/operators/bad_records.h"
#include "weir/operators/feeds/byte_feed.h"
#include "weir/operators/files/file_spout.h"
#include "weir/operators/spout.h"

namespace weir::operators {

// Where the bytes come from.
struct FeedOrigin {
  enum class Kind : std::uint8_t { kStdin, kTcp };
  Kind kind = Kind::kStdin;
  std::uint16_t port = 0;

  absl::StatusOr<std::unique_ptr<ByteFeed>> open(Wake wake) const;
  std::string describe() const;
};

template <class T, class Format>
class FeedSpout : public Spout<T> {
 public:
  using Position = std::uint64_t;  // records delivered, over all runs: for people only
  using Side = BadRecord;
  static constexpr bool kReplayable = false;

  FeedSpout(FeedOrigin origin, Format format, const FileReading& reading)
      : origin_(origin), format_(std::move(format)), reading_(reading) {}

  std::uint32_t partitions() const { return 1; }
  const char* kind() const { return origin_.kind == FeedOrigin::Kind::kTcp ? "tcp" : "stdin"; }
  std::string describe() const { return origin_.describe() + ", at most once after a restart"; }
  std::string fault() const {
    const std::string text = format_.fault();
    return text.empty() ? reading_.fault() : text;
  }
  std::string side_stream() const {
    return reading_.on_bad == OnBadRecord::kSideOutput ? reading_.bad_stream : "";
  }

  absl::Status open(const SpoutContext& context, const Position* resume) {
    running_ = std::make_shared<Running>(reading_.on_bad);
    running_->context = context;
    running_->policy.open(context);
    running_->delivered = resume == nullptr ? 0 : *resume;
    absl::StatusOr<std::unique_ptr<ByteFeed>> feed = origin_.open(context.wake);
    if (!feed.ok()) return feed.status();
    running_->feed = *std::move(feed);
    running_->reader = format_.reader(running_->feed->source(), {});
    return absl::OkStatus();
  }

  Poll poll(SpoutOutput<T>& out, SpoutOutput<BadRecord>& bad) {
    Running& r = *running_;
    std::uint32_t kept = 0;
    const ReadStep step = read_records(*r.reader, out.room(), r.policy, out, bad, kept);
    r.delivered += kept;
    if (const std::uint64_t refused = r.feed->refused(); refused != r.refused) {
      r.context.metrics->bad.add(static_cast<std::int64_t>(refused - r.refused));
      r.refused = refused;
    }
    switch (step) {
      case ReadStep::kRecord: return Poll::more();
      case ReadStep::kBadRecord: return r.policy.has_failed() ? Poll::wait() : Poll::more();
      case ReadStep::kNotYet: return Poll::wait();
      case ReadStep::kEnd: return Poll::end();
      case ReadStep::kFailed: r.context.fail(r.reader->status()); break;
    }
    return Poll::wait();
  }

  Position position() const { return running_->delivered; }

  absl::Status close() {
    if (running_ != nullptr) running_->feed.reset();
    return absl::OkStatus();
  }
  // Where a TCP spout listens, once it is open.
  std::uint16_t port() const { return running_->feed->port(); }

 private:
  struct Running {
    explicit Running(OnBadRecord on_bad) : policy(on_bad) {}
    SpoutContext context;
    BadRecordPolicy policy;
    std::unique_ptr<ByteFeed> feed;
    std::unique_ptr<RecordReader<T>> reader;  // dies before the feed
    std::uint64_t delivered = 0;
    std::uint64_t refused = 0;
  };

  FeedOrigin origin_;
  Format format_;
  FileReading reading_;
  std::shared_ptr<Running> running_;  // of this copy alone, from open() on
};

// Lines of standard input.
inline FeedSpout<std::string, LineRecords> stdin_lines() { return {FeedOrigin{}, {}, {}}; }
// Records from standard input.
template <runtime::Reflected T>
FeedSpout<T, CsvRecords<T>> csv_stdin(const CsvFileOptions& options = {}) {
  return {FeedOrigin{}, {options.format()}, options.reading()};
}
template <runtime::Reflected T>
FeedSpout<T, NdjsonRecords<T>> ndjson_stdin(const NdjsonFileOptions& options = {}) {
  return {FeedOrigin{}, {options.format()}, options.reading()};
}
// Lines that others send to 127.0.0.1:`port`; in the order of arrival, each line whole.
inline FeedSpout<std::string, LineRecords> tcp_lines(std::uint16_t port) {
  return {FeedOrigin{FeedOrigin::Kind::kTcp, port}, {}, {}};
}

}  // namespace weir::operators

namespace weir {
using operators::csv_stdin;
using operators::ndjson_stdin;
using operators::stdin_lines;
using operators::tcp_lines;
}  // namespace weir
