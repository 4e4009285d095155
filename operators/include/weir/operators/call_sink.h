// A sink that calls a function: for tests, benchmarks and effects that may be repeated.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weir/operators/sink.h"

namespace weir::operators {

// Calls f(const T&) for each record; nothing is promised about records after a failure.
template <class F>
class CallSink {
 public:
  static constexpr runtime::Delivery kDelivery = runtime::Delivery::kNone;
  explicit CallSink(F f) : f_(std::move(f)) {}

  template <class T>
  requires std::invocable<F&, const T&>
  void take(const T& record) { f_(record); }
  absl::Status open(const SinkContext&) { return absl::OkStatus(); }
  void flush() {}
  void seal(runtime::CheckpointId, std::string&, runtime::IoWork&) {}
  void commit(runtime::CheckpointId, runtime::IoWork&) {}
  absl::Status restore(const std::vector<std::string>&) { return absl::OkStatus(); }
  absl::Status close() { return absl::OkStatus(); }
  std::string describe() const { return ""; }
  const char* kind() const { return "call"; }

 private:
  F f_;
};
template <class F>
CallSink<F> call(F f) {
  return CallSink<F>(std::move(f));
}

}  // namespace weir::operators

namespace weir {
using operators::call;
}  // namespace weir
