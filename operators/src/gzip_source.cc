#include <zlib.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "file_source.h"
#include "weir/runtime/check.h"

namespace weir::operators {
namespace {

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> compressed)
      : compressed_(std::move(compressed)), input_(kInputBytes) {
    start();
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  absl::StatusOr<SourceRead> read(char* out, std::size_t size) override {
    for (;;) {
      // Also without new input: what was read may have more to give.
      if (!between_members_) {
        absl::StatusOr<std::size_t> made = inflate_some(out, size);
        if (!made.ok()) return made.status();
        position_ += *made;
        if (*made > 0) return SourceRead{SourceState::kData, *made};
      }
      if (stream_.avail_in == 0) {
        absl::StatusOr<SourceRead> more = compressed_->read(input_.data(), input_.size());
        if (!more.ok()) return more.status();
        if (more->state != SourceState::kData) return at_end_of_input(more->state);
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(more->bytes);
      }
      if (between_members_) skip_padding();
    }
  }

  // Going back starts over; going forward inflates and forgets.
  absl::Status seek(std::uint64_t offset) override {
    if (offset < position_) {
      if (absl::Status status = compressed_->seek(0); !status.ok()) return status;
      ::inflateEnd(&stream_);
      start();
    }
    std::vector<char> scratch(offset == position_ ? 0 : kBlockBytes);
    while (position_ < offset) {
      const auto want = std::min<std::uint64_t>(scratch.size(), offset - position_);
      absl::StatusOr<SourceRead> got = read(scratch.data(), want);
      if (!got.ok()) return got.status();
      if (got->state != SourceState::kData) return beyond_end(name(), offset, position_);
    }
    return absl::OkStatus();
  }

  std::uint64_t position() const override { return position_; }
  const std::string& name() const override { return compressed_->name(); }

 private:
  static constexpr std::size_t kInputBytes = std::size_t{256} << 10;
  static constexpr int kGzipOnly = 15 + 16;

  void start() {
    stream_ = {};
    WEIR_CHECK(::inflateInit2(&stream_, kGzipOnly) == Z_OK, "zlib cannot be initialised");
    between_members_ = true;
    any_member_ = false;
    position_ = 0;
  }

  absl::StatusOr<std::size_t> inflate_some(char* out, std::size_t size) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, kBlockBytes));
    const uInt room = stream_.avail_out;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    const std::size_t made = room - stream_.avail_out;
    if (result == Z_STREAM_END) {
      any_member_ = true;
      between_members_ = true;
      ::inflateReset(&stream_);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return corrupt(stream_.msg != nullptr ? stream_.msg : "bad data");
    }
    return made;
  }

  // Zeros behind a member are padding; anything else starts the next member.
  void skip_padding() {
    while (any_member_ && stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    between_members_ = stream_.avail_in == 0;
  }

  absl::StatusOr<SourceRead> at_end_of_input(SourceState state) {
    if (state == SourceState::kEnd && !between_members_) {
      return corrupt("it ends in the middle");
    }
    return SourceRead{state, 0};
  }

  absl::Status corrupt(const std::string& what) const {
    const std::uint64_t at = compressed_->position() - stream_.avail_in;
    return absl::DataLossError(absl::StrCat(
        "\"", name(), "\" is not a sound gzip file: ", what, ", near byte ", at, " of the file (",
        position_, " of its text); test it with `gzip -t`, and get or make it again"));
  }

  std::unique_ptr<ByteSource> compressed_;
  std::vector<char> input_;
  ::z_stream stream_ = {};
  bool between_members_ = true;  // the next byte starts a member, or is padding
  bool any_member_ = false;
  std::uint64_t position_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> gzip_source(std::unique_ptr<ByteSource> compressed) {
  return std::make_unique<GzipSource>(std::move(compressed));
}

}  // namespace weir::operators
