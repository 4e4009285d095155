// print(), discard(): ends of streams for a first look, and for nothing.
//
//   .sink("screen", weir::at_least_once(weir::print()))
//   .sink("nowhere", weir::discard())
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "weir/operators/files/row_columns.h"
#include "weir/operators/sink.h"
#include "weir/operators/text/json_write.h"

namespace weir::operators {

// `value` for people: text without quotes, times in ISO 8601.
template <class V>
void append_for_people(std::string& out, const V& value) {
  static_assert(JsonType<V>,
                "print(): a value of these records has no form as text; map the stream to a "
                "WEIR_RECORD type, or print it with call(f)");
  if constexpr (std::is_same_v<V, std::string>) {
    out += value;
  } else if constexpr (std::is_same_v<V, runtime::EventTime>) {
    TimeFormat().append(out, value);
  } else {
    write_json(out, value, {}, JsonTimes{});
  }
}

// One line per record on standard output: its columns with two spaces between. Shows records again
// after a failure. Whole batches are written at once, so that lines of several tasks do not mix.
template <class T>
class PrintSink : public Sink<T> {
 public:
  static constexpr runtime::Delivery kDelivery = runtime::Delivery::kAtLeastOnce;
  explicit PrintSink(std::FILE* to) : to_(to) {}
  const char* kind() const { return "print"; }

  void write(const runtime::Batch<T>& batch) {
    text_.clear();
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      std::string_view gap;
      RowColumns<T>::for_each(batch[i], true, [&](std::string_view, int, const auto& value) {
        text_ += gap;
        append_for_people(text_, value);
        gap = "  ";
      });
      text_ += '\n';
    }
    std::fwrite(text_.data(), 1, text_.size(), to_);
    std::fflush(to_);
  }

 private:
  std::FILE* to_;
  std::string text_;
};

struct Print {
  std::FILE* to = stdout;
  template <class T>
  auto bind() const {
    return PrintSink<T>(to);
  }
};
inline Print print(std::FILE* to = stdout) { return {to}; }

// Takes records of any type and forgets them.
class DiscardSink : public Sink<void> {
 public:
  static constexpr runtime::Delivery kDelivery = runtime::Delivery::kExactlyOnce;
  const char* kind() const { return "discard"; }
  template <class T>
  void write(const runtime::Batch<T>&) {}
};
inline DiscardSink discard() { return {}; }

}  // namespace weir::operators

namespace weir {
using operators::discard;
using operators::print;
}  // namespace weir
