// What a user's function threw, with the place where it happened. Thrown by the loops that call
// user code, caught in one place: the task's run(), which names the operator of any other
// exception.
#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

#include "weir/runtime/operator.h"

namespace weir::runtime {

class UserFunctionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Called inside a catch block: rethrows the current exception as a UserFunctionError that names the
// operator, its task and the record's event time (if the batch carries one).
[[noreturn]] void rethrow_with_place(const OperatorContext& context, const BatchBase& batch,
                                     std::uint32_t index);

// The same for a function that is no operator's; `origin` names it.
[[noreturn]] void rethrow_with_origin(const std::string& origin, const BatchBase& batch,
                                      std::uint32_t index);

// The same for a timer's call.
[[noreturn]] void rethrow_from_timer(const OperatorContext& context, std::int64_t time_us);

// The message for an exception that left an operator outside of any record's call. Called inside a
// catch block.
std::string describe_exception(const OperatorContext& context);

// What `job` returns; an exception is an error, too.
absl::Status run_guarded(const std::function<absl::Status()>& job);

// Calls f(i) for each record of the batch; an exception is rethrown with the record's place.
template <class F>
inline void for_each_record(const OperatorContext& context, const BatchBase& batch, F&& f) {
  std::uint32_t i = 0;
  const std::uint32_t n = batch.size();
  try {
    for (; i < n; ++i) f(i);
  } catch (...) {
    rethrow_with_place(context, batch, i);
  }
}

}  // namespace weir::runtime
